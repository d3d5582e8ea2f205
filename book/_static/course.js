// A keyboard can scroll wide code only if it can have the focus. The theme sees to
// that when the window changes size; code in a folded answer has no size until then.
document.addEventListener("click", (event) => {
  if (event.target.closest(".toggle, details")) {
    window.dispatchEvent(new Event("resize"));
  }
});

// Paper is white: the dark theme is put aside while it prints.
let onScreen = null;
window.addEventListener("beforeprint", () => {
  onScreen = document.documentElement.dataset.theme;
  document.documentElement.dataset.theme = "light";
});
window.addEventListener("afterprint", () => {
  if (onScreen) document.documentElement.dataset.theme = onScreen;
});

// The buttons beside the code have a picture and no name.
window.addEventListener("load", () => {
  document.querySelectorAll(".copybtn").forEach((button) => {
    button.ariaLabel = "Copy this code";
  });
});

// A page shows its text when its formulas are set, or lines would move while somebody
// reads. Then the heading that the address names is where it will stay.
if (window.MathJax) {
  const root = document.documentElement;
  root.classList.add("math-comes");
  window.MathJax.startup = {
    pageReady: () =>
      window.MathJax.startup.defaultPageReady().finally(() => {
        root.classList.remove("math-comes");
        const place = document.getElementById(decodeURIComponent(location.hash.slice(1)));
        if (place && performance.now() < 10000) place.scrollIntoView({ behavior: "instant" });
      }),
  };
}

// Excerpts of what the search found are the page's text, without its printed contents.
document.addEventListener("DOMContentLoaded", () => {
  if (typeof Search === "undefined") return;
  const textOf = Search.htmlToText;
  Search.htmlToText = (html, anchor) => {
    const page = new DOMParser().parseFromString(html, "text/html");
    const others = "#jb-print-docs-body, .bd-header-article, .bd-sidebar-secondary, noscript";
    page.querySelectorAll(others).forEach((one) => one.remove());
    return textOf(page.documentElement.outerHTML, anchor);
  };
});
