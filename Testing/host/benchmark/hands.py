"""What follows a hand: strength, wheel, flip, wipe, and figures of a region that is dragged."""

from __future__ import annotations

from collections.abc import Iterator

from .stage import Stage, times


def all_of_them(stage: Stage) -> Iterator[tuple[str, float]]:
    host, ui, comparison = stage.host, stage.ui, stage.comparison

    def strength(number: int) -> None:
        ui.strengthSlider.value = 40 + number
        host.settle(2)

    yield from times("strength: slider to picture", strength)
    view = host.view("LDCTBefore")

    def scroll(number: int) -> None:
        view.wheel(1)
        host.settle(2)

    yield from times("scroll: wheel to three pictures", scroll)

    def flip(number: int) -> None:
        comparison.flip(number % 2 == 0)
        host.settle(2)

    yield from times("flip to the original and back", flip)
    yield from _region(stage)
    host.click(ui.wipeButton)
    host.settle()
    view = host.view("LDCTSingle")
    view.press(0.5, 0.5)

    def wipe(number: int) -> None:
        view.move(0.5 + 0.01 * number, 0.5)
        host.settle(2)

    yield from times("wipe: mouse to picture", wipe)
    view.release(0.7, 0.5)


def _region(stage: Stage) -> Iterator[tuple[str, float]]:
    """A region drawn by the panel's own button, moved 2 mm at a time; its table and plot are renewed each time."""
    host, ui, live = stage.host, stage.ui, stage.widget.panel.regions.live
    ui.measureSection.collapsed = ui.regionsSection.collapsed = False
    host.settle()
    host.click(ui.drawAButton)
    host.settle()
    told = []
    live.measured.connect(lambda *answer: told.append(answer))
    roi = stage.session.parameters.regionA
    centre = [0.0, 0.0, 0.0]
    roi.GetCenterWorld(centre)

    def drag(number: int) -> None:
        before = len(told)
        roi.SetCenterWorld(centre[0] + 2.0 * number, centre[1], centre[2])
        stage.until(lambda: len(told) > before, 10, "no figures")
        host.settle(2)

    yield from times("region: mouse to its figures", drag)
    stage.session.parameters.regionA = None
    ui.measureSection.collapsed = True
    host.settle()
