"""The watch that the browser tests keep: it sees errors and requests beyond this machine, and lets none out."""

import pytest

from tests.browser.pages import watched_page

PAGES = {
    "<img src='https://example.invalid/a.png'>": "the page asked for https://example.invalid/a.png",
    "<script>fetch('http://192.0.2.1/x').catch(() => 0)</script>": "the page asked for http://192.0.2.1/x",
    "<script>console.error('that went wrong')</script>": "console error: that went wrong",
    "<script>throw new Error('nobody caught me')</script>": "page error: nobody caught me",
}


@pytest.mark.parametrize(("content", "trouble"), PAGES.items())
def test_what_goes_wrong_in_a_page_is_noted(browser, content, trouble):
    with watched_page(browser) as opened:
        opened.page.set_content(content)
        opened.page.wait_for_timeout(300)

    assert any(noted.startswith(trouble) for noted in opened.troubles), opened.troubles


def test_a_page_that_keeps_to_itself_is_no_trouble(watched):
    watched.page.set_content("<img src='data:image/gif;base64,R0lGODlhAQABAAAAACw='><script>console.log(1)</script>")
    watched.page.wait_for_timeout(300)

    assert not watched.troubles
