"""A Sphinx extension: the button for Colab opens the edition that is made for it.

The theme knows one branch for all buttons. Colab's edition is in a branch of its
own, and holds only the pages that run there.
"""

from typing import Any

import colab
import site_build

__all__ = ["setup"]


def _for_colab(app: Any, page: str, template: str, context: dict[str, Any], tree: Any) -> None:
    branch = app.config.html_theme_options.get("repository_branch", "")
    runs = page in app.env.colab_pages
    for group in context.get("header_buttons") or []:
        if group.get("label") == "launch-buttons":
            buttons = [b for b in group["buttons"] if runs or b["text"] != "Colab"]
            for button in buttons:
                if button["text"] == "Colab":
                    button["url"] = button["url"].replace(
                        f"/blob/{branch}/", f"/blob/{colab.BRANCH}/"
                    )
            group["buttons"] = buttons


def _find_pages(app: Any) -> None:
    app.env.colab_pages = colab.pages(site_build.ROOT)


def setup(app: Any) -> dict[str, bool]:
    """Connect to Sphinx."""
    app.connect("builder-inited", _find_pages)
    app.connect("html-page-context", _for_colab, priority=900)  # after the theme
    return {"parallel_read_safe": True, "parallel_write_safe": True}
