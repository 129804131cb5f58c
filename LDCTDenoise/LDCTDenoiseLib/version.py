"""The version of the software."""


def package_version() -> str:
    from importlib import metadata  # imports e-mail and sockets, which nothing else needs

    try:
        return metadata.version("ldct-denoise")
    except metadata.PackageNotFoundError:  # inside Slicer the library is a folder, not an installed package
        return "0.1.0"
