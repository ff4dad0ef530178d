
// A page without Jupyter: the model is an object in the page.
class PageModel {
  constructor(values) {
    this.values = values;
    this.listeners = new Map();
    this.saves = 0;
  }
  get(name) {
    return this.values[name];
  }
  set(name, value) {
    if (same(this.values[name], value)) return;
    this.values[name] = value;
    for (const run of this.listeners.get("change:" + name) ?? []) run();
  }
  on(event, run) {
    this.listeners.set(event, [...(this.listeners.get(event) ?? []), run]);
  }
  off(event, run) {
    this.listeners.set(event, (this.listeners.get(event) ?? []).filter((r) => r !== run));
  }
  save_changes() {
    this.saves += 1;
  }
}

const given = JSON.parse(document.getElementById("model").textContent);
window.explorerModel = new PageModel(given);
window.explorerFamily = family.family;
family.render({ model: window.explorerModel, el: document.getElementById("explorer") });
