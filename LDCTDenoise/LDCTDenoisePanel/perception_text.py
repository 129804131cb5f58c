"""What was perceived, in the panel's words. Pure, no widgets."""

from slicer.i18n import tr as _


def perceived(answer):
    """ "Looks like: about 1/4 of the usual dose (1/5–1/3), abdomen 1–30, chest 31–80." """
    parts = [_dose(answer["dose"]), *_anatomies(answer)]
    return _("Looks like: {what}.").format(what=", ".join(parts))


def suggested(suggestion, title):
    """ "Suggests RDDM Balanced at 100 %." """
    percent = round(100 * suggestion["strength"])
    return _("Suggests {method} at {percent} %.").format(method=title, percent=percent)


def whereFrom(answer):
    """For a tooltip: what the estimate rests on, and what it cannot tell."""
    text = _(
        "An estimate from {number} of {count} slices by the look of their noise, not a measurement of dose. The model "
        "tells only these apart: {anatomies}. For research use."
    )
    first, last = answer["slices"]
    names = ", ".join(_anatomy(name) for name in answer["tells_apart"])
    return text.format(number=answer["looked_at"], count=last - first, anatomies=names)


def _dose(dose):
    from LDCTDenoiseLib.methods.perceived import fraction_text

    median, low, high = (fraction_text(dose[name]) for name in ("median", "low", "high"))
    text = _("about the usual dose") if median == "1" else _("about {fraction} of the usual dose")
    if low != high:
        text += _(" ({low}–{high})")
    return text.format(fraction=median, low=low, high=high)


def _anatomies(answer):
    """ "abdomen 1–30", slices counted from 1; the name alone where there is only one."""
    ranges = answer["ranges"]
    for found in ranges:
        name = _anatomy(found["anatomy"])
        if not found["sure"]:
            name = _("probably {anatomy}").format(anatomy=name)
        first, last = found["slices"]
        yield name if len(ranges) == 1 else f"{name} {first + 1}–{last}"


def _anatomy(name):
    """The name in the user's language, as it is where this version does not know it."""
    known = {"chest": _("chest"), "abdomen": _("abdomen"), "head": _("head"), "neck": _("neck"), "pelvis": _("pelvis")}
    return known.get(name, name)
