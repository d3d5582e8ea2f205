(() => {
  // Wakes every explorer above this script that is not awake yet.
  for (const figure of document.querySelectorAll("figure.ch11-explore:not([data-ready])")) {
    const data = JSON.parse(figure.querySelector("script[type='application/json']").textContent);
    const image = figure.querySelector("img");
    const caption = figure.querySelector("figcaption");
    const controls = [...figure.querySelectorAll(".control")];
    const order = (window.ch11Explorers = (window.ch11Explorers || 0) + 1);
    figure.dataset.ready = order;
    for (const radio of figure.querySelectorAll("input[type=radio]")) radio.name += "-" + order;

    const chosen = (control) => {
      const range = control.querySelector("input[type=range]");
      if (range) return Number(range.value);
      return [...control.querySelectorAll("input")].findIndex((radio) => radio.checked);
    };
    const update = () => {
      let frame = 0;
      controls.forEach((control, k) => {
        const i = chosen(control);
        const text = data.texts[k][i];
        const range = control.querySelector("input[type=range]");
        if (range) {
          range.setAttribute("aria-valuetext", text);
          control.querySelector("output").textContent = text;
        }
        frame = frame * data.texts[k].length + i;
      });
      image.src = data.prefix + data.frames[frame];
      image.alt = data.alts[frame];
      caption.textContent = data.alts[frame];
    };
    figure.addEventListener("input", update);
    window.addEventListener("pageshow", update); // a browser may restore moved sliders
    update();
  }
})();
