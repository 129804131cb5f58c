"""The version of the software."""

from importlib import metadata


def package_version() -> str:
    try:
        return metadata.version("ldct-denoise")
    except metadata.PackageNotFoundError:  # inside Slicer the library is a folder, not an installed package
        return "0.1.0"
