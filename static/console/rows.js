// Lists of values: adds a row, takes one away, and keeps the focus where a keyboard expects it.
"use strict";

document.addEventListener("click", (event) => {
  const add = event.target.closest("[data-rows-add]");
  const remove = event.target.closest("[data-rows-remove]");
  if (add) {
    addRow(add.closest("[data-rows]"));
  } else if (remove) {
    removeRow(remove.closest("[data-row]"));
  }
});

function addRow(editor) {
  const list = editor.querySelector("[data-rows-list]");
  const number = Number(editor.dataset.next ?? list.children.length);
  editor.dataset.next = number + 1;
  const holder = document.createElement("div");
  holder.innerHTML = editor.querySelector("template").innerHTML.replaceAll("__new__", number);
  const row = holder.firstElementChild;
  list.append(row);
  row.querySelector("input, select, textarea").focus();
  editor.dispatchEvent(new Event("change", { bubbles: true }));
}

function removeRow(row) {
  const editor = row.closest("[data-rows]");
  const list = row.parentElement;
  editor.dataset.next ??= list.children.length;
  const next = row.nextElementSibling ?? row.previousElementSibling;
  row.remove();
  (next?.querySelector("input, select, textarea") ?? editor.querySelector("[data-rows-add]")).focus();
  editor.dispatchEvent(new Event("change", { bubbles: true }));
}
