"use strict";
/* One cell of the month: reading what was typed, writing it again, what looks wrong.
   The same rules as assessments/cells.py, with its limits and sentences (`rules`); one table of
   cases is run against both. Numbers are whole 1/10 000. Stored form: a whole number, or
   [number, "late"], [null, "not_applicable"], [null, "exempt", reason]; null is "not yet". */

export const NOT_YET = "", GIVEN = "given", NOT_APPLICABLE = "not_applicable", EXEMPT = "exempt", LATE = "late";

const INVISIBLE = "\\u200b-\\u200f\\u202a-\\u202e\\u2060-\\u2064\\u2066-\\u206f\\ufeff";
const SPACES = new RegExp(
  "[\\t-\\r\\x1c- \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000" + INVISIBLE + "]+", "g");
const PUNCTUATION = { "。": ".", "｡": ".", "．": ".", "，": ",", "、": ",", "−": "-", "–": "-", "—": "-", "―": "-", "﹣": "-" };
const NUMBER = /^-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)$/;
const THOUSANDS = /^-?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]*)?$/;
const NOTHING_TO_COUNT = /^(?:-+|\/|不适用|无受理|n\/?a)$/i;

export function normalise(text) {
  return Array.from(text, function (sign) {
    if (PUNCTUATION[sign]) { return PUNCTUATION[sign]; }
    const code = sign.codePointAt(0);
    return code >= 0xff01 && code <= 0xff5e ? String.fromCharCode(code - 0xfee0) : sign;
  }).join("").replace(SPACES, "");
}

export function fill(sentence, params) {
  return sentence.replace(/%\((\w+)\)[sd]/g, function (_whole, name) { return String(params[name]); }).replace(/%%/g, "%");
}

export function problem(code, params) {
  return { code: code, params: params || {} };
}

export function sentence(rules, found) {
  return fill(rules.messages[found.code], found.params);
}

export function asksReason(rules, found) {
  return rules.reasons.includes(found.code);
}

export function value(state, scaled, reason) {
  return { state: state, scaled: scaled === undefined ? null : scaled, reason: reason || "" };
}

export function fromStored(stored) {
  if (stored === null || stored === undefined) { return value(NOT_YET); }
  if (typeof stored === "number") { return value(GIVEN, stored); }
  return value(stored[1], stored[0], stored[2]);
}

export function toStored(given) {
  if (given.state === NOT_YET) { return null; }
  if (given.state === GIVEN) { return given.scaled; }
  return given.state === EXEMPT ? [null, EXEMPT, given.reason] : [given.scaled, given.state];
}

export function sameStored(left, right) {
  return JSON.stringify(left === undefined ? null : left) === JSON.stringify(right === undefined ? null : right);
}

/* What `text` means in a cell: {value} or {problem}. */
export function parse(text, spec, rules) {
  const typed = normalise(text);
  if (!typed) { return { value: value(NOT_YET) }; }
  if (NOTHING_TO_COUNT.test(typed)) {
    if (spec.mayBeNotApplicable) { return { value: value(NOT_APPLICABLE) }; }
    return { problem: problem("not_applicable_refused", { label: spec.label }) };
  }
  return number(withoutUnit(typed, spec), text.trim(), spec, rules);
}

function withoutUnit(typed, spec) {
  const suffix = spec.suffixes.find(function (unit) { return typed.endsWith(unit); });
  return suffix ? typed.slice(0, -suffix.length) : typed;
}

function number(typed, original, spec, rules) {
  if (THOUSANDS.test(typed)) { typed = typed.replace(/,/g, ""); }
  if (!NUMBER.test(typed)) { return { problem: problem("not_a_number", { text: original.slice(0, 20) }) }; }
  const parts = typed.replace(/^-+/, "").split(".");
  const whole = parts[0].replace(/^0+/, "");
  const fraction = (parts[1] || "").replace(/0+$/, "");
  if (whole.length > rules.wholeDigits) { return { problem: problem("too_large", { digits: String(rules.wholeDigits) }) }; }
  if (fraction && !spec.places) { return { problem: problem("not_whole", { text: typed }) }; }
  if (fraction.length > spec.places) { return { problem: problem("too_many_decimals", { places: String(spec.places) }) }; }
  const size = Number(whole || "0") * rules.scale + Number((fraction + "0000").slice(0, 4));
  return inRange(typed.startsWith("-") && size ? -size : size, spec);
}

function inRange(scaled, spec) {
  if (spec.minimum !== null && scaled < spec.minimum) {
    return { problem: problem("below_minimum", { value: numberText(scaled), minimum: numberText(spec.minimum) }) };
  }
  if (spec.maximum !== null && scaled > spec.maximum) {
    return { problem: problem("above_maximum", { value: numberText(scaled), maximum: numberText(spec.maximum) }) };
  }
  return { value: value(GIVEN, scaled) };
}

export function numberText(scaled) {
  const size = Math.abs(scaled);
  const fraction = String(size % 10000).padStart(4, "0").replace(/0+$/, "");
  return (scaled < 0 ? "-" : "") + Math.floor(size / 10000) + (fraction ? "." + fraction : "");
}

/* The text that stands in the cell; an exempt cell has none. */
export function textOf(given) {
  if (given.scaled !== null) { return numberText(given.scaled); }
  return given.state === NOT_APPLICABLE ? "—" : "";
}

export function measured(scaled, spec) {
  return spec.unit === "%" ? numberText(scaled) + "%" : (numberText(scaled) + " " + spec.unit).trim();
}

/* The first thing wrong with a filled cell; `context` is {last, peers, known}. null when all is well. */
export function cellProblem(code, specs, values, context) {
  const spec = specs[code];
  const scaled = values[code] ? values[code].scaled : null;
  if (scaled === null) { return null; }
  return aboveWhole(spec, scaled, specs, values) || unusual(spec, scaled, context);
}

function aboveWhole(spec, scaled, specs, values) {
  const wholeSpec = spec.atMost ? specs[spec.atMost] : null;
  if (!wholeSpec) { return null; }
  const whole = values[wholeSpec.code] ? values[wholeSpec.code].scaled : null;
  if (whole === null || scaled <= whole) { return null; }
  return problem("above_whole", {
    label: spec.label, value: measured(scaled, spec), whole_label: wholeSpec.label, whole: measured(whole, wholeSpec),
  });
}

function unusual(spec, scaled, context) {
  if (spec.needsReason) { return problem("reason_required"); }
  const known = context.known;
  if (known !== null && known !== undefined && scaled !== known) {
    return problem("whole_changed", { known: measured(known, spec), value: measured(scaled, spec) });
  }
  const last = context.last ? context.last.scaled : null;
  if (last !== null && isUnusualChange(spec, scaled, last, context.unusualPercent)) {
    return problem("unusual_change", { change: changeText(spec, scaled, last), last: measured(last, spec) });
  }
  const peers = context.peers;
  if (peers && isFar(spec, scaled, peers) && !(last !== null && isFar(spec, last, peers))) {
    return problem("unusual_peers", { low: numberText(peers[0]), high: measured(peers[1], spec) });
  }
  return null;
}

function isUnusualChange(spec, scaled, last, percent) {
  const change = Math.abs(scaled - last);
  if (!spec.byPercent) { return change > spec.leastChange; }
  return change >= spec.leastChange && 100 * change > percent * Math.abs(last);
}

function isFar(spec, scaled, peers) {
  return Math.max(peers[0] - scaled, scaled - peers[1]) >= spec.leastChange;
}

export function changeText(spec, scaled, last) {
  const change = scaled - last;
  return (change > 0 ? "+" : change < 0 ? "\u2212" : "") + measured(Math.abs(change), spec);
}

/* Whole percent, half up; empty where last month was 0. */
export function changePercent(scaled, last) {
  if (!last) { return ""; }
  const share = Math.floor((Math.abs(scaled - last) * 200 + Math.abs(last)) / (2 * Math.abs(last)));
  return (scaled >= last ? "+" : "\u2212") + share + "%";
}
