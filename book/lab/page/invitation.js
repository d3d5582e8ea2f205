// The landing page: a button on the picture of an experiment. The Lab's script, its style and its
// images are fetched when it is pressed, and not before.

(() => {
  const own = document.currentScript.src;
  const beside = (name) => new URL(name, own).href;
  const figure = document.querySelector("figure.lab-here");
  const link = figure?.querySelector('a[href*="#preset-"]');
  const drawing = figure?.querySelector("svg");
  if (!link || !drawing) return;
  const place = document.createElement("div");
  drawing.replaceWith(place);
  place.append(drawing);
  const button = document.createElement("button");
  button.type = "button";
  button.className = "lab-invitation";
  button.textContent = "▶ Train both, right here";
  place.after(button);
  const load = (tag, attributes) =>
    new Promise((done, fail) => {
      const node = Object.assign(document.createElement(tag), attributes, { onload: done, onerror: fail });
      document.head.append(node);
    });
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      await load("link", { rel: "stylesheet", href: beside("lab.css") });
      await load("script", { src: beside("lab.js") });
      button.remove();
      await Lab.show(place, link.hash.slice("#preset-".length), beside("data.js"));
    } catch {
      location.href = link.href;
    }
  });
})();
