"""Numbers as the panel says them: times, sizes, devices, and the sentence after a run. Pure, no widgets."""

import re

from slicer.i18n import tr as _


def duration(seconds):
    """ "31 s", "2 min 10 s", "1 h 5 min"; "less than 1 s" below one."""
    if seconds < 1:
        return _("less than 1 s")
    seconds = round(seconds)
    if seconds < 60:
        return _("{s} s").format(s=seconds)
    minutes, rest = divmod(seconds, 60)
    if minutes < 10 and rest:
        return _("{m} min {s} s").format(m=minutes, s=rest)
    minutes = round(seconds / 60)
    if minutes < 60:
        return _("{m} min").format(m=minutes)
    return _("{h} h {m} min").format(h=minutes // 60, m=minutes % 60)


def fileSize(size):
    """ "3.1 MB" for a number of bytes."""
    return (
        _("{size} MB").format(size=f"{size / 1e6:.1f}")
        if size < 1e9
        else _("{size} GB").format(size=f"{size / 1e9:.1f}")
    )


def deviceName(device, devices=()):
    """A device within a sentence: "the processor", "the graphics card NVIDIA …"; devices: pairs (id, title)."""
    if not device or device == "cpu":
        return _("the processor")
    title = dict(devices).get(device)
    if title:
        return title
    return _("the Mac's graphics (mps)") if device == "mps" else _("the graphics card ({device})").format(device=device)


def facts(method):
    """Size of the weights and measured gain, " · " between; empty if nothing is known."""
    parts = []
    if method.size:
        parts.append(fileSize(method.size))
    gain = method.quality.get("gain_db_full")
    if isinstance(gain, (int, float)):
        parts.append(_("{gain} dB PSNR at quarter dose").format(gain=f"{gain:+.1f}"))
    return " · ".join(parts)


def estimate(method, slices, device, devices, secondsPerSlice):
    """How long a volume of `slices` will take; empty if nobody knows.

    secondsPerSlice  as measured on this machine and device; None: the card's figure, which says where it is from
    """
    if not slices:
        return ""
    if secondsPerSlice is not None:
        return _("{time} for this volume ({work}) on {device}.").format(
            time=_about(secondsPerSlice * slices), work=_sliceCount(slices), device=deviceName(device, devices)
        )
    measured = method.time.get("seconds_per_slice")
    if not isinstance(measured, (int, float)):
        return ""
    where = _("another machine")
    cores = re.search(r"(\d+) processor cores", str(method.time.get("machine", "")))
    if cores:
        where = _("{number} processor cores").format(number=cores.group(1))
    return _("{time} for this volume ({work}) as measured on {where}.").format(
        time=_about(measured * slices), work=_sliceCount(slices), where=where
    )


def tipOf(node, tip):
    """The tool tip of a selector: the name of the chosen node, which is often longer than the selector, and `tip`."""
    return tip if node is None else f"{node.GetName()}\n{tip}"


def _sliceCount(number):
    return _("1 slice") if number == 1 else _("{slices} slices").format(slices=number)


def _about(seconds):
    """At the beginning of a sentence."""
    return _("Less than 1 s") if seconds < 1 else _("About {time}").format(time=duration(seconds))


def finished(method, record, devices=()):
    """The line after a run: what was used, how long it took. Missing fields of the record are left out."""
    title = method.title if method else record.get("model", "")
    first, last = (record.get("slices") or (0, 0))[:2]
    work, frames = _sliceCount(last - first), record.get("frames") or 1
    if frames > 1:
        work = _("{frames} frames of {work}").format(frames=frames, work=work)
    device = deviceName(record.get("device", "cpu"), devices)
    if method is None or method.isRandom:
        text = _("{title} on {device} ({precision}), {work} in {time}, seed {seed}.")
    else:
        text = _("{title} on {device}, {work} in {time}.")
    text = text.format(
        title=title,
        device=device,
        precision=record.get("precision", "float32"),
        work=work,
        time=duration(float(record.get("seconds", 0))),
        seed=record.get("seed", 0),
    )
    return text + " " + _("For research use.")


def secondsPerSlice(record):
    """What the record says a slice took, or None."""
    first, last = (record.get("slices") or (0, 0))[:2]
    seconds = record.get("seconds")
    return seconds / (last - first) / (record.get("frames") or 1) if seconds and last > first else None
