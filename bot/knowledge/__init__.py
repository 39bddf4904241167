"""The shop's own knowledge: help articles in Markdown or from web pages, searched, with a score that has a meaning."""
