// A card that asks for a guess: native controls, so that it works with the keyboard alone.

function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

function choiceInputs(model) {
  const group = `guess-${Math.random().toString(36).slice(2)}`;
  const inputs = model.get("choices").map((choice) => {
    const input = element("input", { type: "radio", name: group, value: choice, "data-lm-suppress-shortcuts": "true" });
    input.checked = model.get("guess") === choice;
    return input;
  });
  const rows = inputs.map((input) => element("label", {}, input, element("span", {}, input.value)));
  return { rows, read: () => inputs.find((input) => input.checked)?.value ?? null };
}

function numberInput(model) {
  const input = element("input", {
    type: "number", step: "any", "aria-label": "Your guess, a number", "data-lm-suppress-shortcuts": "true",
  });
  if (model.get("guess") !== null) input.value = model.get("guess");
  const row = element("label", {}, element("span", {}, "My guess: "), input);
  return { rows: [row], read: () => (input.value.trim() === "" ? null : Number(input.value)) };
}

function render({ model, el }) {
  const controls = model.get("choices").length ? choiceInputs(model) : numberInput(model);
  const button = element("button", { type: "submit", "data-lm-suppress-shortcuts": "true" }, "Record my guess");
  const said = element("span", { class: "predict-said", role: "status", "aria-live": "polite" });
  const form = element(
    "form", { class: "predict" },
    element("fieldset", {}, element("legend", {}, element("b", {}, "Predict. "), model.get("question")), ...controls.rows),
    element("div", { class: "predict-foot" }, button, said),
  );
  const tell = () => {
    const guess = model.get("guess");
    said.textContent = guess === null ? "" : `Recorded: ${guess}. Now read on.`;
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const guess = controls.read();
    if (guess === null) {
      said.textContent = "Choose first: a wrong guess teaches more than none.";
      return;
    }
    model.set("guess", guess);
    model.save_changes();
    tell();
  });
  tell();
  el.append(form);
}

export default { render };
