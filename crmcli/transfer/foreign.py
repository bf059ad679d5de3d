"""What OpenERP 5 and Odoo call our fields and values in their csv exports: technical names and English labels.

A name in small letters stands for every spelling of it. '' leaves a column out; a ``?`` after a field takes the
column where no surer one says anything.
"""

from __future__ import annotations

CASE = {
    # crm.case, technical names
    "date": "starts_at", "create_date": "created_at", "date_closed": "closed_at", "date_deadline": "deadline_at",
    "date_action_last": "last_action_at", "date_action_next": "", "write_date": "", "partner_address_id": "contact_id",
    "categ_id": "category_id", "canal_id": "channel_id", "som": "mood_id", "email_last": "",
    # crm.case, labels
    "closed": "closed_at", "created": "created_at", "probability (%)": "probability", "channel": "channel_id",
    "partner contact": "contact_id", "state of mind": "mood_id", "planned revenue": "planned_revenue",
    "planned costs": "planned_cost", "next action": "", "responsible": "user_id", "status": "state",
    "watchers emails": "email_cc", "reference": "ref", "reference 2": "ref2", "your action": "description",
    "last action": "last_action_at", "latest e-mail": "", "partner email": "email_from", "description": "name",
    # crm.lead, technical names
    "team_id": "section_id", "stage_id": "stage", "tag_ids": "", "expected_revenue": "planned_revenue", "date_open": "",
    "partner_name": "partner_id?", "contact_name": "contact_id?", "email_from": "email_from", "lost_reason_id": "lost_reason",
    "type": "", "phone": "", "mobile": "", "company_id": "", "source_id": "", "medium_id": "", "campaign_id": "", "referred": "",
    "prorated_revenue": "", "recurring_revenue": "", "activity_ids": "", "message_ids": "", "date_last_stage_update": "",
    # crm.lead, labels
    "opportunity": "name", "subject": "name", "lead": "name", "lead / opportunity": "name", "customer": "partner_id",
    "customer name": "partner_id?", "company name": "partner_id?", "contact name": "contact_id?", "email": "email_from",
    "customer email": "email_from", "email cc": "email_cc", "global cc": "email_cc", "salesperson": "user_id",
    "salesman": "user_id",
    "sales team": "section_id", "stage": "stage", "expected revenue": "planned_revenue", "success rate (%)": "probability",
    "expected closing": "deadline_at", "closed date": "closed_at", "created on": "created_at", "creation date": "created_at",
    "assignment date": "", "last updated on": "", "last stage update": "", "notes": "description",
    "internal notes": "description",
    "lost reason": "lost_reason", "tags": "", "source": "", "medium": "", "campaign": "", "referred by": "",
    "prorated revenue": "", "recurring revenues": "", "activities": "", "messages": "",
    # both
    "due date": "deadline_at", "external id": "id", "id": "id", ".id": "id",
}  # fmt: skip

HISTORY = {
    "date": "at", "action": "name", "user responsible": "user_id", "canal_id": "channel_id", "som": "mood_id",
    "state of mind": "mood_id", "note": "description?", "case": "", "case_id": "", "rule": "", "rule_id": "",
    "message_id": "", "external id": "",
}  # fmt: skip

CONTACT = {
    # res.partner.address and the persons of res.partner
    "contact name": "name", "display name": "name", "display_name": "name", "address type": "type", "e-mail": "email",
    "state_id": "state", "country_id": "country", "fed. state": "state", "title": "", "fax": "", "job position": "function",
    "partner name": "partner_id", "related company": "partner_id", "parent_id": "partner_id", "company": "partner_id?",
    "color": "",
    "external id": "id", ".id": "id", "street 2": "street2", "street2": "street2", "birthdate_date": "birthdate",
    "date of birth": "birthdate", "post code": "zip", "postal code": "zip", "zip code": "zip", "town": "city",
    # vCard
    "org": "partner_id", "fn": "name", "website": "", "comment": "", "categories": "",
}  # fmt: skip

PARTNER = {
    # res.partner
    "code": "ref", "internal reference": "ref", "reference": "ref", "partner": "name", "main company": "parent_id",
    "related company": "parent_id", "display name": "name", "display_name": "name", "complete name": "name",
    "dedicated salesman": "user_id", "salesperson": "user_id", "salesman": "user_id", "account manager": "user_id",
    "website link": "website", "tax id": "vat", "tin": "vat", "language": "lang", "notes": "comment", "note": "comment",
    "internal notes": "comment", "customer_rank": "customer rank", "customer rank": "customer rank", "is a customer": "customer",
    "supplier_rank": "supplier rank", "supplier rank": "supplier rank", "is a vendor": "supplier", "vendor": "supplier",
    "is a supplier": "supplier", "category_id": "categories", "tags": "categories", "partner categories": "categories",
    "is_company": "", "is a company": "", "company_type": "", "company type": "", "company": "name?", "date": "", "title": "",
    "color": "", "credit_limit": "", "credit limit": "", "ean13": "", "external id": "id", ".id": "id",
    # vCard
    "org": "name", "fn": "contacts/name", "contact": "contacts/name", "contact name": "contacts/name",
}  # fmt: skip

SECTION = {
    "case section": "name", "sales team": "name", "section code": "code", "responsible user": "user_id", "team leader": "user_id",
    "parent section": "parent_id", "parent team": "parent_id", "allow delete": "allow_unlink", "child_ids": "",
    "child sections": "",
    "complete_name": "", "external id": "id", ".id": "id", "sales section": "name", "reply-to": "reply_to", "note": "",
}  # fmt: skip

CATEGORY = {
    "case category name": "name", "category name": "name", "probability (%)": "probability", "case section": "section_id",
    "external id": "id", ".id": "id",
}  # fmt: skip

PARTNER_CATEGORY = {
    "category name": "name", "full name": "path", "complete_name": "path", "parent category": "parent_id", "child_ids": "",
    "child categories": "", "external id": "id", ".id": "id", "tag name": "name", "display name": "path",
}  # fmt: skip

RULE = {
    "trg_state_to": "state_to", "button pressed": "state_to", "trg_date_type": "date_type", "trigger date": "date_type",
    "trg_date_range": "delay", "delay after trigger date": "delay", "trg_date_range_type": "delay_unit",
    "delay type": "delay_unit",
    "trg_state_from": "state_from", "case state": "state_from", "trg_section_id": "section_id", "trg_categ_id": "category_id",
    "trg_user_id": "user_id", "responsible": "user_id", "trg_partner_id": "partner_id",
    "trg_partner_categ_id": "partner_category_id", "trg_priority_from": "min_priority", "minimum priority": "min_priority",
    "trg_priority_to": "max_priority", "maximum priority": "max_priority", "trg_max_history": "min_messages",
    "maximum communication history": "min_messages", "act_state": "set_state", "set state to": "set_state",
    "act_section_id": "set_section_id", "set section to": "set_section_id", "act_user_id": "set_user_id",
    "set responsible to": "set_user_id", "act_priority": "set_priority", "set priority to": "set_priority",
    "act_email_cc": "add_cc", "add watchers (cc)": "add_cc", "act_remind_user": "remind_user",
    "remind responsible": "remind_user",
    "act_remind_partner": "remind_partner", "act_remind_attach": "remind_attach", "remind with attachment": "remind_attach",
    "act_mail_to_user": "mail_user", "mail to responsible": "mail_user", "act_mail_to_partner": "mail_partner",
    "mail to partner": "mail_partner", "act_mail_to_watchers": "mail_watchers", "mail to watchers (cc)": "mail_watchers",
    "act_mail_to_email": "mail_to", "mail to these emails": "mail_to", "act_mail_body": "mail_body", "act_method": "method",
    "call object method": "method", "rule name": "name", "external id": "id", ".id": "id",
}  # fmt: skip

SEGMENT = {
    "exclusif": "exclusive", "categ_id": "category_id", "partner category": "category_id",
    "use the sales purchase rules": "sales_purchase_active", "som_interval": "period_days", "days per periode": "period_days",
    "som_interval_max": "periods", "max interval": "periods", "som_interval_decrease": "decrease", "decrease (0>1)": "decrease",
    "som_interval_default": "default_mood", "default (0=none)": "default_mood", "partner_id": "", "max partner id processed": "",
    "execution status": "", "segmentation_line": "", "criteria": "", "external id": "id", ".id": "id",
}  # fmt: skip

SEGMENT_LINE = {
    "expr_name": "variable", "control variable": "variable", "expr_operator": "operator", "expr_value": "value",
    "segmentation_id": "segment_id", "segmentation": "segment_id", "rule name": "name", "mandatory / optional": "mandatory",
    "external id": "id", ".id": "id",
}  # fmt: skip

USER = {
    "user": "login", "user name": "name", "e-mail": "email", "external id": "id", ".id": "id", "address_id": "", "groups_id": "",
    "password": "", "company_id": "", "company": "", "lang": "", "language": "", "login date": "",
    "context_section_id": "section_id",
}  # fmt: skip

EVENT = {
    "events": "name", "som": "mood_id", "state of mind": "mood_id", "canal_id": "channel_id", "date": "at",
    "partner": "partner_id",
    "type of event": "type", "part of the partner": "partner_type", "planned costs": "planned_cost", "external id": "id",
    ".id": "id",
    "probability (0.50)": "probability",
}  # fmt: skip

NAMES = {
    "case": CASE, "history": HISTORY, "contact": CONTACT, "partner": PARTNER, "section": SECTION, "category": CATEGORY,
    "partner_category": PARTNER_CATEGORY, "rule": RULE, "segment": SEGMENT, "segment_line": SEGMENT_LINE, "user": USER,
    "event": EVENT, "amount": {"date": "at", "partner": "partner_id", "external id": "id", ".id": "id"},
}  # fmt: skip

# Names that mean the first of our fields that no surer column of the file is, exactly as they are written.
OPEN = {
    ("case", "Description"): ("name", "description"),
    ("segment_line", "operator"): ("operator", "mandatory"),
}

# What stands before a / → the part of the line that it belongs to.
PARTS = {
    "address": "contacts", "contacts": "contacts", "contact": "contacts", "partner contacts": "contacts", "child_ids": "contacts",
    "child contacts": "contacts", "history": "history", "history_line": "history", "communication": "history",
    "log_ids": "history", "logs history": "history",
}  # fmt: skip

# What stands behind a / of a link: its words, or what another file calls it by.
WORDS = ("name", "display_name", "display name", "complete_name")
CODES = ("id", "external id")

STATES = {
    "new": "draft", "closed": "done", "close": "done", "won": "done", "canceled": "cancel", "cancelled": "cancel",
    "lost": "cancel",
    "dead": "cancel",
}  # fmt: skip
PRIORITIES = {"very high": "highest", "medium": "normal", "very low": "lowest"}
YES = {"mandatory expression": "yes", "and": "yes", "optional expression": "no", "or": "no"}

# The words of values, by noun and field; what is not in a table stays as it is.
VALUES = {
    ("case", "state"): STATES,
    ("case", "priority"): PRIORITIES,
    ("rule", "state_from"): STATES,
    ("rule", "state_to"): STATES,
    ("rule", "set_state"): STATES,
    ("rule", "min_priority"): PRIORITIES,
    ("rule", "max_priority"): PRIORITIES,
    ("rule", "set_priority"): PRIORITIES,
    ("rule", "date_type"): {
        "create": "created", "creation date": "created", "action_last": "last_action", "last action date": "last_action",
        "date": "starts",
    },
    ("segment_line", "variable"): {
        "sale amount": "sale", "purchase amount": "purchase", "som": "mood", "state of mind": "mood",
    },
    ("segment_line", "mandatory"): YES,
    ("contact", "type"): {
        "invoice address": "invoice", "delivery address": "delivery", "other address": "other", "private address": "other",
        "private": "other", "contact address": "contact", "main contact": "default",
    },
    ("event", "type"): {"sale opportunity": "sale", "purchase offer": "purchase", "prospect contact": "prospect"},
}  # fmt: skip
