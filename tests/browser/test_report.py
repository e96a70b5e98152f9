"""The report of a release, opened from its folder as anybody would: it draws, answers, and can be read by all."""

import pytest

from tests.browser.pages import watched_page
from tests.browser.report import CHARTS, CONTRAST, background, drawn, open_report, switch

READ = "h1, h2, p, figcaption, td, th, summary, a, button"
LEAST_CONTRAST = 4.5
STEPS = 100  # more than there are things to reach
FOCUSED = """() => {
  const here = document.activeElement, chart = here.closest('figure[id], section[id]');
  return here.tagName + (chart ? ' of ' + chart.id : '');
}"""


def test_hovering_a_mark_shows_what_it_stands_for(page, release):
    open_report(page, release)
    tooltip = page.locator("#vg-tooltip-element.visible")
    drawn(page, "derivatives").locator("[aria-roledescription=point]").last.hover()

    tooltip.wait_for()
    assert any(character.isdigit() for character in tooltip.inner_text())


def test_the_button_switches_the_colours_and_back(page, release):
    open_report(page, release)
    light = background(page)
    switch(page).click()
    dark = background(page)
    switch(page).click()

    assert dark != light
    assert background(page) == light


def test_the_page_follows_the_colours_that_the_reader_prefers(browser, release):
    found = {}
    for colours in ("light", "dark"):
        with watched_page(browser, colours=colours) as opened:
            open_report(opened.page, release)
            found[colours] = background(opened.page)
        assert not opened.troubles
    assert found["light"] != found["dark"]


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_text_stands_out_from_what_is_behind_it(browser, release, colours):
    with watched_page(browser, colours=colours) as opened:
        open_report(opened.page, release)
        weak = {
            element.inner_text()[:60]: contrast
            for element in opened.page.locator(READ).locator("visible=true").all()
            if (contrast := element.evaluate(CONTRAST)) < LEAST_CONTRAST
        }
    assert weak == {}
    assert not opened.troubles


def test_the_keyboard_reaches_the_skip_link_the_button_and_every_table(page, release):
    open_report(page, release)
    page.keyboard.press("Tab")
    first = page.evaluate("() => document.activeElement.getAttribute('href') || ''")
    reached = set()
    for _ in range(STEPS):
        reached.add(page.evaluate(FOCUSED))
        page.keyboard.press("Tab")

    assert first.startswith("#")
    assert "BUTTON" in reached
    assert {f"SUMMARY of {chart}" for chart in CHARTS} <= reached


@pytest.mark.parametrize("chart", CHARTS)
def test_a_chart_is_told_in_words_and_in_a_table(page, release, chart):
    open_report(page, release)
    figure = page.locator(f"figure#{chart}, #{chart} figure, figure:has(#{chart})").first

    assert figure.locator("figcaption").inner_text().strip()
    figure.locator("summary").first.click()
    assert figure.locator("details table tr").count() > 1


def test_a_narrow_page_does_not_scroll_sideways(browser, release):
    with watched_page(browser, width=390, height=844) as opened:
        open_report(opened.page, release)
        scrolled, inner = opened.page.evaluate("() => [document.scrollingElement.scrollWidth, window.innerWidth]")
    assert scrolled <= inner
    assert not opened.troubles


def test_no_word_of_a_chart_is_cut_off_on_a_telephone(browser, release):
    with watched_page(browser, width=390, height=844) as opened:
        open_report(opened.page, release)
        beyond = {}
        for chart in CHARTS:
            for word in drawn(opened.page, chart).locator("text").all():
                left, right = word.evaluate("w => { const b = w.getBoundingClientRect(); return [b.left, b.right]; }")
                if left < 0 or right > 390:
                    beyond[chart] = word.text_content()
    assert beyond == {}


def test_made_up_data_are_called_made_up(page, release):
    open_report(page, release)

    banner = page.get_by_text("synthetic", exact=False).or_(page.get_by_text("made up", exact=False)).first
    assert banner.is_visible()
