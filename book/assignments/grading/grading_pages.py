"""What a teacher opens: feedback and formgrader, in which nothing of a submission runs.

Three walls, one behind the other: submissions are cleaned before they are graded
(`grading_clean`); `DeadPage` cleans once more what it shows, and sanitizes the HTML that it
makes of Markdown; and a Content-Security-Policy forbids every script that nbgrader's own
templates do not bring along. As a server extension, this module takes the place of
``nbgrader.server_extensions.formgrader``; `jupyter_server_config.py` switches it on.
"""

import base64
import copy
import hashlib
import html
import re
import secrets
from typing import Any

from grading_clean import clean, to_html
from jinja2 import Environment, FileSystemLoader, pass_context
from jupyter_server.utils import url_path_join
from nbconvert.exporters import HTMLExporter
from nbgrader.server_extensions.formgrader import handlers
from nbgrader.server_extensions.formgrader.formgrader import FormgradeExtension
from tornado.web import OutputTransform

__all__ = ["DeadPage", "Formgrader", "load_jupyter_server_extension"]

#: Of a feedback page: styles of its own, pictures that it holds, and nothing else.
FEEDBACK = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:"
NONCE = secrets.token_urlsafe(16)
#: Calls in the attributes of nbgrader's templates.
CALLS = ("toggle_name(true);", "toggle_name(false);", "toggleAllNames()")
HASHES = [base64.b64encode(hashlib.sha256(call.encode()).digest()).decode() for call in CALLS]
FORMGRADER = "; ".join(
    [
        "default-src 'none'; connect-src 'self'; img-src 'self' data:; font-src 'self' data:",
        "style-src 'self' 'unsafe-inline'; base-uri 'none'; form-action 'self'",
        f"script-src 'nonce-{NONCE}'",
        "script-src-attr 'unsafe-hashes' " + " ".join(f"'sha256-{one}'" for one in HASHES),
    ]
)
#: Formulas are MathML already, and the page waits for MathJax to end.
MATHJAX = "<!-- Load mathjax -->.*<!-- End of mathjax configuration -->"
NO_MATHJAX = (
    "<script>MathJax = {Hub: {Startup: {signal: {Interest: (tell) => tell('End')}}}}</script>"
)


def _signed(template: str) -> str:
    """Give the scripts of a template of nbgrader the nonce."""
    return template.replace("<script", f'<script nonce="{NONCE}"')


class DeadPage(HTMLExporter):  # type: ignore[misc]
    """Make a page of a notebook in which nothing of the notebook runs."""

    @pass_context
    def markdown2html(self, context: Any, source: str) -> str:
        """Return Markdown as sanitized HTML."""
        return to_html(source, dict(context.get("cell", {})).get("attachments"))

    def from_notebook_node(
        self, nb: Any, resources: Any = None, **keywords: Any
    ) -> tuple[str, dict[str, Any]]:
        """Return the page of a notebook; its own scripts may run in formgrader only."""
        nb, resources = clean(copy.deepcopy(nb)), copy.deepcopy(resources or {})
        for name, value in resources.items():
            if isinstance(value, str) and name != "base_url":
                resources[name] = html.escape(value)
        page, resources = super().from_notebook_node(nb, resources, **keywords)
        head, body, rest = page.partition('<div id="notebook"')
        head = re.sub(MATHJAX, NO_MATHJAX, head, flags=re.DOTALL)
        if self.template_name == "formgrade":
            return _signed(head) + body + rest, resources
        policy = f'<meta http-equiv="Content-Security-Policy" content="{FEEDBACK}">'
        policy += '<meta name="referrer" content="no-referrer">'
        return head.replace("<head>", f"<head>\n{policy}", 1) + body + rest, resources


class _Templates(FileSystemLoader):
    def get_source(self, environment: Environment, template: str) -> Any:
        source, *rest = super().get_source(environment, template)
        return _signed(source), *rest


class _Policy(OutputTransform):
    """Add the policy to all that comes from formgrader, files of submissions included."""

    prefix = "/formgrader"

    def __init__(self, request: Any) -> None:
        self.applies = request.path.startswith(self.prefix)

    def transform_first_chunk(
        self, status_code: int, headers: Any, chunk: bytes, finishing: bool
    ) -> Any:
        if self.applies:
            headers.add("Content-Security-Policy", FORMGRADER)  # beside the server's own
            headers["Referrer-Policy"] = "no-referrer"
            headers["X-Content-Type-Options"] = "nosniff"
        return status_code, headers, chunk


class Formgrader(FormgradeExtension):  # type: ignore[misc]
    """nbgrader's formgrader with pages in which no submission runs."""

    def init_tornado_settings(self, webapp: Any) -> None:
        """Use dead pages, and templates that escape what they are given."""
        super().init_tornado_settings(webapp)
        webapp.settings["nbgrader_exporter"] = DeadPage(config=self.config)
        webapp.settings["nbgrader_jinja2_env"] = Environment(
            loader=_Templates([handlers.template_path]), autoescape=True
        )

    def init_handlers(self, webapp: Any) -> None:
        """Add nbgrader's pages, and the policy to each of them."""
        super().init_handlers(webapp)
        prefix = url_path_join(webapp.settings["base_url"], "formgrader")
        webapp.add_transform(type("Policy", (_Policy,), {"prefix": prefix}))


def load_jupyter_server_extension(nbapp: Any) -> None:
    """Load the extension, as nbgrader loads its own."""
    formgrader = Formgrader(parent=nbapp)
    formgrader.root_dir, formgrader.log = nbapp.root_dir, nbapp.log
    formgrader.initialize([])
    formgrader.init_tornado_settings(nbapp.web_app)
    formgrader.init_handlers(nbapp.web_app)
