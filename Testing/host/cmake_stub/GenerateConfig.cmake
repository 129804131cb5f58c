# The description file that an installed extension carries.
file(WRITE ${CMAKE_BINARY_DIR}/${EXTENSION_NAME}.s4ext
"scm git
scmurl NA
scmrevision NA
depends ${EXTENSION_DEPENDS}
build_subdirectory .
homepage ${EXTENSION_HOMEPAGE}
contributors ${EXTENSION_CONTRIBUTORS}
category ${EXTENSION_CATEGORY}
iconurl ${EXTENSION_ICONURL}
status ${EXTENSION_STATUS}
description ${EXTENSION_DESCRIPTION}
screenshoturls ${EXTENSION_SCREENSHOTURLS}
enabled 1
")
install(FILES ${CMAKE_BINARY_DIR}/${EXTENSION_NAME}.s4ext DESTINATION ${Slicer_INSTALL_SHARE_DIR})
