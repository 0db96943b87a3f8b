"""The pages as a person meets them, in headless Chromium: draws digits with mouse and finger and looks at
what is said of them, watches a training, and reads a report.

    pip install playwright
    python3 tests/page.py [--program target/debug/cpu] [--chromium /usr/bin/chromium] [--screenshots DIR]

Needs no network. A console error, an exception in a page or a request to anywhere else is a failure.
"""

import argparse
import atexit
import math
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile

from playwright.sync_api import sync_playwright

# A desktop by day, a phone by night, and the two other ways round.
VIEWS = {
    "wide-light": dict(viewport=dict(width=1280, height=900), color_scheme="light"),
    "narrow-dark": dict(viewport=dict(width=390, height=844), color_scheme="dark", has_touch=True, is_mobile=True),
    "wide-dark": dict(viewport=dict(width=1280, height=900), color_scheme="dark"),
    "narrow-light": dict(viewport=dict(width=390, height=844), color_scheme="light", has_touch=True, is_mobile=True),
}
PATIENCE = 60_000


def strokes(digit):
    """The strokes of a digit, as shares of the side of the area."""
    circle = [i / 24 * 2 * math.pi for i in range(25)]
    return {
        0: [[(0.5 + 0.17 * math.sin(a), 0.5 - 0.3 * math.cos(a)) for a in circle]],
        1: [[(0.52, 0.2), (0.5, 0.5), (0.48, 0.8)]],
        7: [[(0.3, 0.22), (0.68, 0.22), (0.55, 0.5), (0.42, 0.8)]],
    }[digit]


def draw_with_mouse(page, box, digit):
    for stroke in strokes(digit):
        points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke]
        page.mouse.move(*points[0])
        page.mouse.down()
        for point in points[1:]:
            page.mouse.move(*point, steps=4)
        page.mouse.up()


def draw_with_finger(page, box, digit):
    session = page.context.new_cdp_session(page)
    for stroke in strokes(digit):
        kind = "touchStart"
        for x, y in stroke:
            point = dict(x=box["x"] + x * box["width"], y=box["y"] + y * box["height"])
            session.send("Input.dispatchTouchEvent", dict(type=kind, touchPoints=[point]))
            kind = "touchMove"
        session.send("Input.dispatchTouchEvent", dict(type="touchEnd", touchPoints=[]))


class Watched:
    """A page whose errors and requests are noted."""

    def __init__(self, browser, view, url):
        self.context = browser.new_context(**VIEWS[view])
        self.page = self.context.new_page()
        self.faults = []
        origin = re.match(r"\w+://[^/]*", url).group()
        self.page.on("console", lambda m: m.type in ("error", "warning") and self.faults.append(m.text))
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("request", lambda r: r.url.startswith((origin, "data:")) or self.faults.append(r.url))
        self.page.goto(url)

    def close(self):
        self.context.close()
        assert not self.faults, self.faults


def has_no_sideways_scroll(page):
    width = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width[0] <= width[1], f"the page is {width[0]} pixels wide, the window {width[1]}"


class Program:
    """The program while it serves."""

    def __init__(self, program, folder, arguments):
        self.process = subprocess.Popen([program, *arguments], cwd=folder, stdout=subprocess.PIPE, text=True)
        # A test that fails leaves nobody behind.
        atexit.register(self.process.kill)
        for line in self.process.stdout:
            if found := re.search(r"http://\S+", line):
                self.url = found.group()
                return
        raise AssertionError(f"the program ended with {self.process.wait()} and said no address")

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)
        self.process.stdout.read()
        return self.process.wait(timeout=60)


def try_model(browser, program, folder, save):
    server = Program(program, folder, ["serve", "model", "--port", "0", "--device", "cpu"])
    for view in VIEWS:
        watched = Watched(browser, view, server.url)
        page = watched.page
        page.wait_for_selector("#bars li")
        assert page.locator("#bars li").count() == 10
        # The curves of its training are in the model's file.
        page.locator("#training").wait_for(state="visible")
        draw = draw_with_finger if "narrow" in view else draw_with_mouse
        area = page.locator("#drawing")
        area.scroll_into_view_if_needed()
        for digit in (1, 0, 7):
            draw(page, area.bounding_box(), digit)
            page.wait_for_function(
                "digit => document.querySelector('#bars .best span')?.textContent === digit",
                arg=str(digit), timeout=PATIENCE,
            )
            save(page, f"serve-{view}-{digit}")
            figures = page.locator("#layers figure")
            assert figures.count() >= 3, "the input and two layers"
            for index in range(figures.count()):
                canvas = figures.nth(index).locator("canvas")
                n_shown = canvas.evaluate(
                    "c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data"
                    ".filter((v, i) => i % 4 === 3 && v > 0).length")
                assert n_shown > 0, f"layer {index} shows nothing"
            page.get_by_role("button", name="Clear").click()
            page.wait_for_function("() => document.querySelector('#bars .best') === null", timeout=PATIENCE)
        # A stroke that is taken back.
        draw(page, area.bounding_box(), 1)
        page.wait_for_selector("#bars .best", timeout=PATIENCE)
        page.get_by_role("button", name="Undo").click()
        page.wait_for_function("() => document.querySelector('#bars .best') === null", timeout=PATIENCE)
        has_no_sideways_scroll(page)
        watched.close()
    assert server.interrupt() == 0


# The maps of a layer on its canvas, a gap of one pixel between them, as lists of the opacity of pixels.
MAPS = """figure => {
    const shape = figure.querySelector("figcaption").textContent.match(/\\((\\d+) x (\\d+) x (\\d+)[,;]/);
    if (!shape) return null;
    const [n, height, width] = shape.slice(1).map(Number);
    const canvas = figure.querySelector("canvas");
    const nColumns = (canvas.width + 1) / (width + 1);
    // A copy: Chromium warns of a canvas that is read again and again.
    const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d");
    copy.drawImage(canvas, 0, 0);
    const pixels = copy.getImageData(0, 0, canvas.width, canvas.height).data;
    return Array.from({length: n}, (_, map) => {
        const left = map % nColumns * (width + 1), top = Math.floor(map / nColumns) * (height + 1);
        const at = pixel => (top + Math.floor(pixel / width)) * canvas.width + left + pixel % width;
        return Array.from({length: height * width}, (_, pixel) => pixels[4 * at(pixel) + 3]);
    });
}"""


def look_at_maps(browser, program, folder, save):
    """What a model of convolutions shows while somebody draws, before the button is let go."""
    server = Program(program, folder, ["serve", "convolutions", "--port", "0", "--device", "cpu"])
    watched = Watched(browser, "wide-light", server.url)
    page = watched.page
    page.wait_for_selector("#bars li")

    def maps():
        """Of each layer that has maps, by its caption up to the shape."""
        figures = page.locator("#layers figure").all()
        named = ((f.locator("figcaption").inner_text().split("(")[0], f.evaluate(MAPS)) for f in figures)
        return {name: maps for name, maps in named if maps}

    box = page.locator("#drawing").bounding_box()
    at = lambda x, y: (box["x"] + x * box["width"], box["y"] + y * box["height"])
    page.mouse.move(*at(0.3, 0.25))
    page.mouse.down()
    page.mouse.move(*at(0.68, 0.25), steps=4)
    page.wait_for_selector("#bars .best", timeout=PATIENCE)
    begun = maps()
    shown = page.locator("#layers").inner_text()
    page.mouse.move(*at(0.42, 0.8), steps=8)
    # The captions have the layers' extremes, which a stroke more changes.
    page.wait_for_function(
        "shown => document.querySelector('#layers').innerText !== shown", arg=shown, timeout=PATIENCE)
    save(page, "maps")
    drawn = maps()
    # The input, then a convolution with its activation and pooling, twice.
    assert len(drawn) == 5 and drawn.keys() == begun.keys(), drawn.keys()
    for name, of_layer in drawn.items():
        assert of_layer != begun[name], f"{name}: the maps stay as they were"
        assert any(any(pixels) for pixels in of_layer), f"{name}: the maps show nothing"
        if len(of_layer) > 1:
            n_different = len({tuple(pixels) for pixels in of_layer})
            assert n_different > len(of_layer) / 2, f"{name}: {n_different} of {len(of_layer)} maps differ"
    page.mouse.up()
    watched.close()
    assert server.interrupt() == 0


def watch_training(browser, program, folder, save):
    arguments = "mnist --dataset digits --train-limit 2000 --test-limit 200 --epochs 12 --device cpu --serve 0"
    server = Program(program, folder, arguments.split())
    watched = Watched(browser, "wide-light", server.url)
    page = watched.page
    page.wait_for_selector("#bars li")
    draw_with_mouse(page, page.locator("#drawing").bounding_box(), 1)
    page.wait_for_selector("#bars .best", timeout=PATIENCE)
    n_points = "document.querySelector('#loss polyline.test')?.points.numberOfItems ?? 0"
    page.wait_for_function(f"() => ({n_points}) >= 1", timeout=PATIENCE)
    page.wait_for_function(f"() => ({n_points}) === 12", timeout=PATIENCE)
    page.wait_for_function("() => document.querySelector('#progress').hidden", timeout=PATIENCE)
    save(page, "training")
    # It goes on when the training is over.
    page.get_by_role("button", name="Clear").click()
    draw_with_mouse(page, page.locator("#drawing").bounding_box(), 0)
    said = "() => document.querySelector('#bars .best span')?.textContent"
    page.wait_for_function(f"{said} === '0'", timeout=PATIENCE)
    watched.close()
    assert server.interrupt() == 0


def read_report(browser, folder, save):
    for view in VIEWS:
        watched = Watched(browser, view, (folder / "report/report.html").as_uri())
        page = watched.page
        titles = page.locator("h2").all_text_contents()
        for title in ["Loss", "Accuracy", "Confusion matrix", "Worst mistakes", "First layer", "Run"]:
            assert title in titles, titles
        assert page.locator("figure svg[role=img]").count() == 4
        broken = page.evaluate("[...document.images].filter(i => !i.naturalWidth).length")
        assert broken == 0 and page.locator("img").count() == 1
        for figure in page.locator("figure").all():
            picture = figure.locator("svg, img").first.bounding_box()
            assert picture["width"] > 200 and picture["height"] > 100, picture
        has_no_sideways_scroll(page)
        save(page, f"report-{view}")
        watched.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", type=pathlib.Path, default=pathlib.Path("target/debug/cpu"))
    parser.add_argument("--chromium", default=shutil.which("chromium"))
    parser.add_argument("--screenshots", type=pathlib.Path)
    arguments = parser.parse_args()
    if arguments.chromium is None:
        sys.exit("there is no chromium on the PATH: install it, or name it with --chromium")
    program = arguments.program.resolve()

    def save(page, name):
        if arguments.screenshots:
            arguments.screenshots.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=arguments.screenshots / f"{name}.png", full_page=True)

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        folder = pathlib.Path(folder)
        train = ("mnist --dataset digits --train-limit 6000 --test-limit 500 --epochs 6 --device cpu "
                 "--save model --out report")
        convolutions = ("mnist --dataset digits --model lenet --train-limit 500 --test-limit 100 --epochs 1 "
                        "--device cpu --save convolutions")
        for command in [train, convolutions]:
            subprocess.run([program, *command.split()], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        # Chromium does not sandbox what root runs.
        browser = playwright.chromium.launch(executable_path=arguments.chromium, args=["--no-sandbox"])
        try:
            read_report(browser, folder, save)
            try_model(browser, program, folder, save)
            look_at_maps(browser, program, folder, save)
            watch_training(browser, program, folder, save)
        finally:
            browser.close()
    print("pages: report, serve and mnist --serve behave")


if __name__ == "__main__":
    main()
