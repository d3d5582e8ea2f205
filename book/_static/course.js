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

// What is too wide for its box scrolls, with keys, too, if it can have the focus; what
// is not is no stop of the Tab key.
const letKeysScroll = () => {
  document.querySelectorAll(".math, mjx-container, .ch11-explore .picture").forEach((box) => {
    const isWide = box.clientWidth && box.scrollWidth > box.clientWidth;
    if (isWide) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  });
};
["load", "resize"].forEach((event) => window.addEventListener(event, letKeysScroll));

// The pictures of an explorer come when it is near, so that its controls move at once.
window.addEventListener("load", () => {
  const near = new IntersectionObserver((entries) => {
    entries.filter((entry) => entry.isIntersecting).forEach(({ target }) => {
      near.unobserve(target);
      const data = target.querySelector("script[type='application/json']").textContent;
      const { prefix, frames } = JSON.parse(data);
      frames.forEach((frame) => (new Image().src = prefix + frame));
    });
  });
  document.querySelectorAll("figure.ch11-explore").forEach((one) => near.observe(one));
});

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
