"""A denoised volume as a new DICOM series that says what it is, made of the headers of its source.

writer      the folder: pixels first, then header by header
source      the slices and headers that the volume came from
pixels      HU back to the integers of the source; scale is how they become HU
encoding    a header of any encoding as explicit little endian, values as they are
flatten     one frame of an enhanced object as a classic image
rules       what of the source stays, goes, or becomes new
provenance  what was done, in words and in codes, and from which image
identity    UIDs, number and description of the series
lossy       the flag for what was lost before us
words       free text in the source's character set; times in its time zone
"""

from .source import require_dicom_source
from .writer import write_derived

__all__ = ["require_dicom_source", "write_derived"]
