"""A table reads well as text and as HTML, whatever is in it."""

import helib_py as he


def test_column_heads_may_be_numbers():
    table = he.Table(("ring", 4096, 2**-10), [("ms", 0.125, True)])
    assert repr(table) == "ring | 4,096 | 0.000977\nms   | 0.125 | True"
    assert ">4,096</th>" in table._repr_html_()
    assert table.column(4096) == [0.125]


def test_html_shows_heads_and_cells_as_they_are_written():
    html = he.Table(("a < b",), [("<script>",)], caption="x & y")._repr_html_()
    assert ">a &lt; b</th>" in html
    assert ">&lt;script&gt;</td>" in html
    assert ">x &amp; y</caption>" in html


def test_a_number_and_its_unit_stay_on_one_line():
    html = he.Table(("bytes", "what"), [("393 kB", "2 keys or more")])._repr_html_()
    assert html.count("nowrap") == 1
    assert 'nowrap">393 kB</td>' in html
