"""What OpenERP 5 and Odoo export: their names of columns, technical and in words, and their words for values."""

from __future__ import annotations

import sqlite3

import pytest

from crmcli.fields import NOUNS
from crmcli.transfer import columns, foreign
from tests.transfer.world import Crm, put, rows


def place(noun: str, header: str) -> str:
    """The field that a header alone stands for."""
    taken = columns.mapped(noun, [header], {}).taken
    return taken[0][1].link if taken else ""


@pytest.mark.parametrize(
    ("noun", "header", "field"),
    [
        ("case", "name", "name"),
        ("case", "Description", "name"),
        ("case", "Deadline", "deadline_at"),
        ("case", "date_deadline", "deadline_at"),
        ("case", "deadline", "deadline_at"),
        ("case", "Planned Costs", "planned_cost"),
        ("case", "Watchers Emails", "email_cc"),
        ("case", "Partner", "partner_id"),
        ("case", "partner_id/name", "partner_id"),
        ("case", "partner_id/id", "partner_id"),
        ("case", "Partner/Name", "partner_id"),
        ("case", "partner_address_id/name", "contact_id"),
        ("case", "section_id/id", "section_id"),
        ("case", "Responsible", "user_id"),
        ("case", "Salesperson", "user_id"),
        ("case", "Sales Team", "section_id"),
        ("case", "Stage", "state"),
        ("case", "stage_id/name", "state"),
        ("case", "Expected Closing", "deadline_at"),
        ("case", "Success Rate (%)", "probability"),
        ("case", "history_line/description", "history/description"),
        ("case", "log_ids/date", "history/at"),
        ("case", "Communication/Date", "history/at"),
        ("partner", "address/email", "contacts/email"),
        ("partner", "Contacts/E-Mail", "contacts/email"),
        ("partner", "E-Mail", "contacts/email"),
        ("partner", "Zip", "contacts/zip"),
        ("partner", "Tags", "categories"),
        ("partner", "category_id/name", "categories"),
        ("partner", "Dedicated Salesman", "user_id"),
        ("partner", "customer_rank", "customer"),
        ("contact", "Job Position", "function"),
        ("contact", "partner_id/name", "partner_id"),
        ("contact", "country_id/name", "country"),
        ("contact", "country_id/id", ""),
        ("section", "Allow Delete", "allow_unlink"),
        ("rule", "trg_max_history", "min_messages"),
        ("segment", "exclusif", "exclusive"),
        ("segment_line", "expr_operator", "operator"),
        ("partner_category", "parent_id/name", "parent_id"),
    ],
)
def test_a_header_is_known(noun: str, header: str, field: str) -> None:
    """By itself, technical or in words."""
    if not field:
        with pytest.raises(Exception, match="no column"):
            place(noun, header)
    else:
        assert place(noun, header) == field


def test_every_name_in_the_tables_leads_to_a_field() -> None:
    """No entry is written for nothing."""
    for noun, names in foreign.NAMES.items():
        for header, name in names.items():
            found = columns.place(noun, header)
            assert found is not None, (noun, header)
            assert bool(found.field) == bool(name) or header in columns.importable(noun), (noun, header)
    for noun, field in foreign.VALUES:
        assert field in columns.importable(noun)
    assert set(foreign.NAMES) - {"history"} <= set(NOUNS)


def test_description_is_the_name_only_where_no_other_column_is() -> None:
    """OpenERP calls the name of a case so; others mean the text."""
    assert dict(columns.mapped("case", ["Description", "Your action"], {}).taken)["Description"].field == "name"
    assert dict(columns.mapped("case", ["Name", "Description"], {}).taken)["Description"].field == "description"
    assert dict(columns.mapped("segment_line", ["name", "expr_operator", "operator"], {}).taken)["operator"].field == "mandatory"


OPENERP = """\
"id","name","partner_id/name","section_id/name","user_id/name","state","priority","date_closed","date_deadline","canal_id/name",\
"som/name","planned_revenue","history_line/description","history_line/date","history_line/email",\
"date_action_next"
"__export__.crm_case_12","Pump broken","Acme","Helpdesk","Ann Lee","done","2","2009-03-04 10:00:00","2009-03-05 00:00:00",\
"phone",\
"Happy","1500.0","It leaks","2009-03-02 08:30:00","joe@acme.example",""
"","","","","","","","","","","","","Repaired","2009-03-03 09:00:00","",""
"__export__.crm_case_13","Old story","Beta","Helpdesk","","cancel","5","2009-02-01 10:00:00","","","","","","","",""
"""


def test_cases_of_openerp_come_with_their_communications(crm: Crm, conn: sqlite3.Connection) -> None:
    """Technical names; lines that have nothing but a communication go on with the case above."""
    done = crm("import", "case", "-", "--create-missing", "--tz", "UTC", stdin=OPENERP.encode())
    assert (done.exit, done.err) == (0, "import case: 2 made\n")
    sql = "SELECT name, partner, section, user_id, state, priority, closed_at, deadline_at, channel_id, mood_id, planned_revenue"
    assert rows(conn, f"{sql} FROM v_cases") == [
        ("Pump broken", "Acme", "Helpdesk", 1, "done", 2, "2009-03-04T10:00:00Z", "2009-03-05T00:00:00Z", 2, 4, 150_000),
        ("Old story", "Beta", "Helpdesk", None, "cancel", 5, None, None, None, None, None),
    ]
    assert rows(conn, "SELECT direction, email, description, at FROM v_history ORDER BY id") == [
        ("in", "joe@acme.example", "It leaks", "2009-03-02T08:30:00Z"),
        ("note", None, "Repaired", "2009-03-03T09:00:00Z"),
    ]
    assert crm("import", "case", "-", "--tz", "UTC", stdin=OPENERP.encode()).err == "import case: 2 same\n"


ODOO = """\
External ID,Opportunity,Customer,Company Name,Email,Phone,Salesperson,Sales Team,Expected Revenue,Stage,Probability,Priority,\
Expected Closing,Lost Reason,Created on,Active
__export__.crm_lead_7_a1b2c3d4,Ten pumps,Acme,,joe@acme.example,1,Ann Lee,Support,12500.0,Proposition,40.0,High,2026-05-01,,\
2026-01-05 10:00:00,True
__export__.crm_lead_8_a1b2c3d5,One pump,,Gamma Ltd,,,,Support,100.0,Won,100.0,Very High,,,2026-01-06 10:00:00,True
__export__.crm_lead_9_a1b2c3d6,No pump,,,,,,Support,0.0,Lost,0.0,Medium,,Too dear,2026-01-07 10:00:00,False
"""


def test_opportunities_of_odoo(crm: Crm, conn: sqlite3.Connection) -> None:
    """Labels; stages of any name are open but for the first and the last ones."""
    done = crm("import", "case", "-", "--create-missing", "--tz", "UTC", stdin=ODOO.encode())
    assert done.exit == 0, done.err
    assert "columns left out: Phone" in done.err
    sql = "SELECT name, partner, email_from, state, probability, priority, deadline_at, lost_reason, active"
    assert rows(conn, f"{sql} FROM v_cases ORDER BY id") == [
        ("Ten pumps", "Acme", "joe@acme.example", "open", 40.0, 2, "2026-05-01T23:59:59Z", None, 1),
        ("One pump", "Gamma Ltd", None, "done", 100.0, 1, None, None, 1),
        ("No pump", None, None, "cancel", 0.0, 3, None, "Too dear", 0),
    ]


def test_partners_with_addresses_and_their_external_ids(crm: Crm, conn: sqlite3.Connection) -> None:
    """An external id becomes the ref, by which other files find the partner."""
    partners = (
        "id,name,ref,category_id/name,address/name,address/email,address/type,customer,supplier\n"
        "base.acme,Acme,,VIP,Joe,joe@acme.example,default,True,False\n"
        ",,,,Ann,ann@acme.example,invoice,,\nbase.beta,Beta,B7,,,,,1,0\n"
    )
    done = crm("import", "partner", "-", "--create-missing", stdin=partners.encode())
    assert done.err == "import partner: 2 made\n"
    assert rows(conn, "SELECT name, ref FROM partners") == [("Acme", "base.acme"), ("Beta", "B7")]
    assert rows(conn, "SELECT partner_id, name, type FROM contacts ORDER BY id") == [(1, "Joe", "default"), (1, "Ann", "invoice")]
    done = crm("import", "contact", "-", stdin=b"name,partner_id/id\nMax,base.acme\n")
    assert (done.exit, rows(conn, "SELECT partner_id FROM contacts WHERE name = 'Max'")) == (0, [(1,)])


def test_contacts_of_odoo(crm: Crm, conn: sqlite3.Connection) -> None:
    """Persons of res.partner, whose company is the partner."""
    put(conn, "partners", name="Acme")
    header = "Name,Related Company,Email,Job Position,City,Address Type"
    content = f"{header}\nJoe,Acme,joe@acme.example,Fitter,Leeds,Invoice Address\n"
    assert crm("import", "contact", "-", stdin=content.encode()).err == "import contact: 1 made\n"
    assert rows(conn, "SELECT partner_id, function, city, type FROM contacts") == [(1, "Fitter", "Leeds", "invoice")]


def test_rules_of_openerp(crm: Crm, conn: sqlite3.Connection) -> None:
    """With the names of its fields and the words of its choices; a delay is a number and a unit."""
    content = (
        "name,trg_date_type,trg_date_range,trg_date_range_type,trg_state_from,trg_section_id/name,trg_priority_from,act_priority,"
        "act_mail_to_user,act_mail_body,act_state,sequence,active\n"
        "Late,deadline,-2,day,open,Support,3,1,True,Case %(case_id)s,pending,5,True\n"
        "Quiet,action_last,4,hour,,,,,False,,escalate,,False\n"
    )
    done = crm("import", "rule", "-", stdin=content.encode())
    assert done.err == "import rule: 2 made\n"
    sql = "SELECT date_type, delay, delay_unit, state_from, section_id, min_priority, set_priority, mail_user, mail_body"
    assert rows(conn, f"{sql}, set_state, active FROM rules ORDER BY id") == [
        ("deadline", -2, "day", "open", 1, 3, 1, 1, "Case %(case_id)s", "pending", 1),
        ("last_action", 4, "hour", None, None, None, None, 0, None, "escalate", 0),
    ]


def test_segments_of_openerp(crm: Crm, conn: sqlite3.Connection) -> None:
    """And their lines, whose operator is whether they are mandatory."""
    segments = (
        "name,categ_id/name,exclusif,som_interval,som_interval_max,som_interval_decrease,sales_purchase_active\n"
        "Gold,VIP,True,30,3,0.8,True\n"
    )
    lines = "segmentation_id/name,name,expr_name,expr_operator,expr_value,operator\nGold,big,sale,>,1000.0,and\n"
    assert crm("import", "segment", "-", "--create-missing", stdin=segments.encode()).exit == 0
    assert crm("import", "segment_line", "-", stdin=lines.encode()).exit == 0
    assert rows(conn, "SELECT exclusive, period_days, periods, sales_purchase_active FROM segments") == [(1, 30, 3, 1)]
    assert rows(conn, "SELECT variable, operator, value, mandatory FROM segment_lines") == [("sale", ">", 1000.0, 1)]


def test_users_sections_and_categories_of_openerp(crm: Crm, conn: sqlite3.Connection) -> None:
    """Labels with capitals."""
    users = crm("import", "user", "-", stdin=b"Login,User Name,E-mail\nbob,Bob Ray,bob@us.example\n")
    header = b"Case Section,Section Code,Responsible User,Parent Section,Reply-To,Allow Delete\n"
    content = header + b"Sales,sale,Bob Ray,,sales@us.example,False\n"
    sections = crm("import", "section", "-", stdin=content)
    categories = crm("import", "category", "-", stdin=b"Case Category Name,Probability (%),Case Section\nLead,20.0,sale\n")
    assert [done.exit for done in (users, sections, categories)] == [0, 0, 0]
    assert rows(conn, "SELECT name, code, user_id, reply_to, allow_unlink FROM sections WHERE id = 2") == [
        ("Sales", "sale", 2, "sales@us.example", 0)
    ]
    assert rows(conn, "SELECT name, probability, section_id FROM categories") == [("Lead", 20.0, 2)]
