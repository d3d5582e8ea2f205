// A keyboard can scroll wide code only if it can have the focus. The theme sees to
// that when the window changes size; code in a folded answer has no size until then.
document.addEventListener("click", (event) => {
  if (event.target.closest(".toggle, details")) {
    window.dispatchEvent(new Event("resize"));
  }
});
