"""The menus of the source document, each with the command that does its work (domain.md §3)."""

from __future__ import annotations

MENUS = (
    ("CRM & SRM", "crm"),
    ("CRM & SRM/Configuration", "crm config list"),
    ("CRM & SRM/Configuration/Cases", "crm help rules"),
    ("CRM & SRM/Configuration/Cases/Sections", "crm section list"),
    ("CRM & SRM/All Cases", "crm case list"),
    ("CRM & SRM/All Cases/Cases by section", "crm section list --counts"),
    ("CRM & SRM/Configuration/Cases/Categories", "crm category list"),
    ("CRM & SRM/Configuration/Cases/Rules", "crm rule list"),
    ("CRM & SRM/All Cases/All Cases", "crm case list"),
    ("CRM & SRM/All Cases/All Cases/Open Cases", "crm case list +open"),
    ("CRM & SRM/All Cases/My cases", "crm case list +mine"),
    ("CRM & SRM/All Cases/My cases/My Open Cases", "crm case list +mine +open"),
    ("CRM & SRM/All Cases/Cases Histories", "crm history list"),
    ("CRM & SRM/All Cases/Cases Histories/All Histories", "crm history list"),
    ("CRM & SRM/All Cases/Cases Histories/My Histories", "crm history list +mine"),
    ("CRM & SRM/Configuration/Segmentations", "crm segment list"),
    ("CRM & SRM/Configuration/Segmentations/Segmentations", "crm segment list"),
    ("CRM & SRM/Configuration/Create menus for a case section", "crm section views SECTION"),
)
