"""What a fit found: as text, as JSON, and as a page to look at."""

from calibration.report.findings import Findings, analyse
from calibration.report.page import as_html, check_report_path, write_report
from calibration.report.text import as_json, as_text

__all__ = [
    "Findings",
    "analyse",
    "as_html",
    "as_json",
    "as_text",
    "check_report_path",
    "write_report",
]
