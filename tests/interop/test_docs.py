"""The page on other libraries says what the tests hold."""

import docs


def test_the_page_is_not_stale():
    assert docs.PAGE.read_text() == docs.page(), "run make bless"
