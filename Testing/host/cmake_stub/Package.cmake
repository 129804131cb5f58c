# Real Slicer sets up CPack here; the tests look at what `cmake --install` has put into its folder.
