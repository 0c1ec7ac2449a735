"use strict";

const byId = (id) => document.getElementById(id);

// Makes an element; texts are always set as text.
function element(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function table(headings, rows) {
  const cells = (kind, texts) => element("tr", {}, ...texts.map((text) => element(kind, { textContent: text })));
  return element("table", {}, cells("th", headings), ...rows.map((row) => cells("td", row)));
}

function resolve(schema, document_) {
  const name = schema && schema.$ref && schema.$ref.split("/").pop();
  return name ? document_.components.schemas[name] : schema;
}

// Describes a schema in a few words.
function type(schema) {
  if (!schema) return "";
  if (schema.$ref) return schema.$ref.split("/").pop();
  const known = [].concat(schema.type || [], (schema.oneOf || schema.anyOf || []).map(type)).join(" or ");
  if (schema.type === "array" && schema.items) return "list of " + type(schema.items);
  const words = [schema.enum ? schema.enum.join(", ") : known];
  if (schema.minimum !== undefined) words.push(schema.minimum + " to " + schema.maximum);
  if (schema.default !== undefined) words.push("default " + schema.default);
  return words.filter(Boolean).join("; ");
}

function fields(schema, document_) {
  let shape = resolve(schema, document_) || {};
  if (shape.type === "array") shape = resolve(shape.items, document_) || {};
  const parts = [shape].concat((shape.allOf || []).map((part) => resolve(part, document_)));
  return parts.flatMap((part) => Object.entries(part.properties || {}))
    .map(([name, field]) => [name, type(field), field.description || (resolve(field, document_) || {}).description || ""]);
}

async function ask(path, out) {
  out.hidden = false;
  out.textContent = "Asking.";
  try {
    const answer = await fetch(path, { headers: { accept: "application/json, text/plain;q=0.5" } });
    const text = await answer.text();
    let shown = text;
    try { shown = JSON.stringify(JSON.parse(text), null, 2); } catch { /* not JSON */ }
    const cut = shown.length > 20000 ? "\n[cut]" : "";
    out.textContent = answer.status + " " + answer.statusText + "\n" + shown.slice(0, 20000) + cut;
  } catch (error) {
    out.textContent = String(error);
  }
}

// A form with one input for each parameter, and the answer below it.
function tryIt(path, parameters) {
  const inputs = parameters.map((parameter) => element("input", { name: parameter.name, placeholder: parameter.name }));
  const out = element("pre", { hidden: true });
  const form = element("form", {}, ...inputs, element("button", { textContent: "Try GET" }));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    let target = path;
    const query = new URLSearchParams();
    parameters.forEach((parameter, at) => {
      const value = inputs[at].value;
      if (parameter.in === "path") target = target.replace("{" + parameter.name + "}", encodeURIComponent(value));
      else if (value) query.append(parameter.name, value);
    });
    ask("." + target + (query.size ? "?" + query : ""), out);
  });
  return [form, out];
}

function route(method, path, operation, document_) {
  const parameters = operation.parameters || [];
  const parts = [element("p", { textContent: operation.summary || "" })];
  if (parameters.length) {
    const rows = parameters.map((one) => [one.name + (one.required ? " *" : ""), type(one.schema), one.description || ""]);
    parts.push(table(["parameter", "value", "meaning"], rows));
  }
  const responses = Object.entries(operation.responses || {});
  parts.push(table(["status", "media type", "meaning"], responses.map(
    ([status, one]) => [status, Object.keys(one.content || {}).join(", "), one.description])));
  const good = responses.find(([status]) => status === "200");
  const body = good && Object.values(good[1].content || {})[0];
  const known = body ? fields(body.schema, document_) : [];
  if (known.length) parts.push(table(["field", "type", "meaning"], known));
  const streams = Object.keys((good && good[1].content) || { none: 0 }).some((one) => /event-stream|none/.test(one));
  if (method === "get" && !streams) parts.push(...tryIt(path, parameters));
  const summary = element("summary", {}, element("span", { className: "method", textContent: method.toUpperCase() }),
    element("code", { textContent: path }), element("span", { className: "about", textContent: operation.summary || "" }));
  return element("details", {}, summary, ...parts);
}

function show(document_) {
  document.title = document_.info.title;
  byId("title").textContent = document_.info.title + " " + document_.info.version;
  byId("about").textContent = document_.info.description || "";
  const routes = Object.entries(document_.paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) => route(method, path, operation, document_)));
  byId("list").replaceChildren(...routes);
  byId("filter").addEventListener("input", (event) => {
    const wanted = event.target.value.toLowerCase();
    routes.forEach((one) => { one.hidden = !one.textContent.toLowerCase().includes(wanted); });
  });
}

fetch("openapi.json")
  .then((answer) => answer.json())
  .then(show)
  .catch((error) => { byId("list").textContent = "openapi.json could not be read: " + error; });
