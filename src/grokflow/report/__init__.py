"""The report: tables and pictures in, pages for a reader out.

Comes in: the tables of the claims, the pictures of the figures, and the tables that they were drawn from.
Goes out: a page with every claim, a page for each figure with its caption, and explore.html, in which every
seed of every run, path and sweep can be looked at. Each page is one file that opens offline. Called by the
rules `write_pages` and `write_explorer`; Snakemake's own report holds their pages.
"""

from grokflow.report.captions import OWN, category_of
from grokflow.report.explorer import explorer_page
from grokflow.report.pages import claims_page, figure_page

__all__ = ["OWN", "category_of", "claims_page", "explorer_page", "figure_page"]
