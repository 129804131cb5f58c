"""The version of the software."""


def package_version() -> str:
    from importlib import metadata  # reads e-mail and zip files: a third of what the library imports

    try:
        return metadata.version("ldct-denoise")
    except metadata.PackageNotFoundError:  # inside Slicer the library is a folder, not an installed package
        return "0.1.0"
