// Credits: one's own with what used them; for administrators everybody's within reach, and use summed up.
import { call } from "../api.js";
import { h } from "../dom.js";
import { action, edit } from "../ui/crud.js";
import { badge, count, facts, money, time } from "../ui/format.js";
import { listing } from "../ui/listing.js";

const PERIOD = [
  { name: "since", label: "From", type: "datetime" },
  { name: "until", label: "Until", type: "datetime" },
];
const DIMENSIONS = [
  ["", "user, model and day"],
  ["user", "user"],
  ["model", "model"],
  ["day", "day"],
];
const KINDS = { grant: "good", reserve: "busy", release: "", charge: "bad" };
const AMOUNT = new Intl.NumberFormat(undefined, { maximumFractionDigits: 6 });

const amount = (number) => AMOUNT.format(number);
const signed = (number) => (number ? `${number > 0 ? "+" : "−"}${amount(Math.abs(number))}` : "–");

/** The columns of what was used and what it came to. */
const USE = [
  { label: "Calls", class: "number", cell: (one) => count(one.calls) },
  { label: "Tokens", class: "number", cell: (one) => `${count(one.input_tokens)} + ${count(one.output_tokens)}` },
  { label: "Spoken", class: "number", cell: (one) => (one.characters ? `${count(one.characters)} letters` : "–") },
  { label: "Costs", class: "number", cell: (one) => money(one.cost_usd) },
  { label: "Credits", class: "number", cell: (one) => amount(one.credits) },
  { label: "Charged", class: "number", cell: (one) => amount(one.charged) },
];

export const credits = {
  title: "Credits",
  path: "/credits",
  group: "Account",
  async render(root, ctx) {
    const place = h("section", { class: "panel" });
    root.append(h("h1", {}, "Credits"), place, h("h2", {}, "What my runs used"));
    place.append(balanceOf(await call("GET", "/agent/credits/balance", undefined, { signal: ctx.signal })));
    const list = listing(root, ctx, {
      path: "/agent/credits/usage",
      caption: "Use",
      filters: PERIOD,
      actions: [h("a", { class: "button", href: "#/credits/ledger" }, "Ledger")],
      columns: [
        { label: "Settled", cell: (run) => time(run.created_at) },
        { label: "Run", cell: (run) => run.kind },
        { label: "With", class: "wide", cell: (run) => run.parts.map((part) => part.name).join(", ") || "–" },
        ...USE,
      ],
      empty: "Nothing was used.",
    });
    await list.ready;
    return list.update;
  },
};

function balanceOf({ balance, reserved, enabled }) {
  return facts([
    ["To be spent", h("strong", {}, amount(balance))],
    ["Set aside for runs that have not ended", amount(reserved)],
    ["Runs", enabled ? "are paid for with credits" : "are free here; what they use is recorded"],
  ]);
}

export const ledger = {
  title: "Ledger",
  path: "/credits/ledger",
  under: "/credits",
  async render(root, ctx) {
    root.append(h("h1", {}, "Ledger"));
    const list = listing(root, ctx, {
      path: "/agent/credits/ledger",
      caption: "Movements",
      actions: [h("a", { class: "button", href: "#/credits" }, "Back")],
      columns: [
        { label: "Time", cell: (entry) => time(entry.created_at) },
        { label: "Movement", cell: (entry) => badge(entry.kind, KINDS[entry.kind]) },
        { label: "Balance", class: "number", cell: (entry) => signed(entry.amount) },
        { label: "Set aside", class: "number", cell: (entry) => signed(entry.reserved) },
        {
          label: "For",
          class: "wide",
          cell: (entry) => [entry.run_kind, entry.name].filter(Boolean).join(": ") || "–",
        },
        { label: "Why", class: "wide", cell: (entry) => entry.reason || "–" },
      ],
      empty: "No credits have come or gone.",
    });
    await list.ready;
    return list.update;
  },
};

export const accounts = {
  title: "Accounts",
  path: "/credits/accounts",
  group: "Admin",
  menu: "credits:account",
  needs: "credits:account:list",
  async render(root, ctx) {
    root.append(h("h1", {}, "Credits of users"));
    const list = listing(root, ctx, {
      path: "/admin/credits/accounts",
      caption: "Accounts",
      columns: [
        { label: "User", cell: (one) => one.username },
        { label: "To be spent", class: "number", cell: (one) => amount(one.balance) },
        { label: "Set aside", class: "number", cell: (one) => amount(one.reserved) },
        { label: "Last moved", cell: (one) => time(one.updated_at) },
        { label: "Actions", class: "row", cell: (one) => addCredits(ctx, one, () => list.reload()) },
      ],
      empty: "Nobody is within your reach.",
    });
    await list.ready;
    return list.update;
  },
};

/** The button that gives a user credits. */
export function addCredits(ctx, { user_id: user, username }, reload) {
  const run = async () => {
    const made = await edit({
      title: `Add credits to ${username}`,
      fields: [
        { name: "amount", label: "Credits", type: "number", min: 0.000001, required: true },
        { name: "reason", label: "Why", required: true, hint: "It stands in the ledger." },
      ],
      submit: "Add",
      path: "/agent/credits/add",
      bodyOf: (values) => ({ ...values, user_id: user }),
      said: "Added.",
    });
    if (made) await reload?.();
  };
  return action(ctx, { label: "Add credits", about: `to ${username}`, needs: "credits:account:add", run });
}

export const use = {
  title: "Use",
  path: "/credits/usage",
  group: "Admin",
  menu: "credits:usage",
  needs: "credits:usage:list",
  async render(root, ctx) {
    root.append(h("h1", {}, "What was used"));
    const list = listing(root, ctx, {
      path: "/admin/credits/usage",
      caption: "Use",
      filters: [{ name: "by", label: "By", options: DIMENSIONS }, ...PERIOD],
      columns: [
        { label: "Day", cell: (one) => one.day ?? "all" },
        { label: "User", cell: (one) => one.username ?? "all" },
        { label: "Model or tool", class: "wide", cell: (one) => one.name ?? "all" },
        { label: "Runs", class: "number", cell: (one) => count(one.runs) },
        ...USE,
      ],
      empty: "Nothing was used.",
    });
    await list.ready;
    return list.update;
  },
};
