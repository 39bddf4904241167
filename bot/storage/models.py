"""All tables in one place: whoever imports this has the whole metadata."""

from bot.storage import figure_tables, knowledge_tables, mail_tables, shop_tables, tables, telegram_tables

__all__ = ["figure_tables", "knowledge_tables", "mail_tables", "shop_tables", "tables", "telegram_tables"]
