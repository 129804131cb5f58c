"""The worker: a process of its own that computes for the Slicer panel and keeps the model warm between requests.

    PYTHON -m LDCTDenoiseLib.worker

Requests come in on standard input, events go out on standard output, one JSON object in UTF-8 a line; what is printed
otherwise is on standard error. The first line is {"event": "ready", "version": …, "pid": …}. Requests wait for one
another; there is none for cancelling: whoever wants to cancel ends the process group, and nothing is lost but the warm
model. The worker ends at once when its standard input does. It computes at a lower priority than Slicer (`priority`).

Every request has an "id" of the panel's choice, which all its events bear, and says what to "do":

state           → "versions", "devices", "models", "problems"
warm            "model", "size" [rows, columns] of the slices, "device", "precision": done ahead of a denoise that may
                come; takes no memory of a GPU → "warm": false if it was left because another request waits
denoise         "model", "input", "output", "seed", "draws", "device", "precision", "steps", "slices" [first, last);
                for a part of a volume also "first_slice", "total_slices" and the "padding" of the whole (its
                `files.padding.plateau_value`, null for none), and the part gets the HU that it has in the whole
                → "record", "output", "origin"
measure         "before", "after", "reference" → "slices", "rows"
perceive        "input": some slices of a volume, "numbers": which they are in the whole, rising, "total_slices" of how
                many, "spacing" of the whole; "model", "device"
                → "dose", "ranges" with "slices" [first, last), "tells_apart", "looked_at", "suggestion"
simulate        "input", "output", "dose", "seed" → "record", "output"
import_weights  "file", "model" → "model"
export_dicom    "before", "after", "files" or "series", "folder", "record", "private", "overwrite"
                → "folder", "series", "images"; see the file

Volumes are .npy files [slices, rows, columns] of any real numbers, HU, with "spacing" [x, y, z] mm, "origin" [3] mm and
"direction" [9], row by row, its columns the LPS unit vectors along columns, rows and slices. They are mapped, so they
must not be changed before the answer. Slices are axial and counted along their axis as stored. An output has the type
of the input and appears whole; while it is written it is called "<output>.part".

Events: "progress" (done, total, stage, eta_s), "notice" (text), and last "result" or "error" (text, one sentence).
"""
