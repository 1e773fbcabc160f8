from ringbridge.service.config import office_of
from ringbridge.service.sources import source_names


def test_a_number_has_its_own_source_however_it_is_written_and_else_its_trunks() -> None:
    trunks = [
        {"name": "mango", "source": "Site", "sources": {"+7 (495) 000-11-22": "Radio", "200": "Fair"}},
        {"name": "mtt"},
    ]
    name = source_names(office_of({"trunk": trunks}))
    asked = [
        ("mango", "84950001122"),
        ("mango", "200"),
        ("mango", "74959999999"),
        ("mango", ""),
        ("mtt", "74950001122"),
    ]
    assert [name(*one) for one in asked] == ["Radio", "Fair", "Site", "Site", ""]
    assert name("gone", "74950001122") == ""
