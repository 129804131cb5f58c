"""python -m LDCTDenoiseLib.worker"""

from .serve import main

if __name__ == "__main__":
    main()
