// The form of a scheduler: its task's own arguments, its times, and below them the next five fires before anything is saved.
import { ApiError, call } from "../api.js";
import { fill, h } from "../dom.js";
import { orNull } from "../ui/fields.js";
import { form } from "../ui/form.js";
import { loose } from "../ui/groups.js";
import { fieldsOf } from "../ui/schema.js";

const SETTLE_MS = 300;
const PERIODS = ["seconds", "minutes", "hours", "days", "weeks"];
const OVERLAPS = [
  ["skip", "leave this fire out"],
  ["buffer_one", "wait, one at most"],
  ["buffer_all", "wait, all of them"],
  ["cancel_other", "cancel the one that runs"],
  ["allow_all", "run beside it"],
];
const TIMES = [
  "type",
  "crontab",
  "interval_every",
  "interval_period",
  "timezone",
  "start_time",
  "expire_time",
  "one_off",
];
const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
const NEW = {
  name: "",
  kwargs: {},
  args: [],
  type: "crontab",
  crontab: "0 8 * * 1",
  interval_every: 1,
  interval_period: "hours",
  timezone: here,
  enabled: true,
  one_off: false,
  overlap: "skip",
  catchup_seconds: 3600,
  jitter_seconds: 0,
  max_failures: 5,
  remark: "",
};

/** The form; `one` is what is changed, or null. `save(body)` may throw. */
export function schedulerForm({ ctx, tasks, one, save, back }) {
  const given = { ...NEW, ...(one ?? { task: tasks[0]?.name }) };
  const schemaOf = (name) => tasks.find((task) => task.name === name)?.arguments ?? {};
  const about = (name) => tasks.find((task) => task.name === name)?.description ?? "";
  const fires = firesOf(ctx, () => made);
  const made = form({
    fields: [
      { name: "name", label: "Name", value: given.name, required: true },
      {
        name: "task",
        label: "Task",
        type: "select",
        options: tasks.map(({ name }) => [name, name]),
        value: given.task,
        hint: about(given.task),
      },
      {
        name: "kwargs",
        type: "group",
        label: "Its arguments",
        fields: fieldsOf(schemaOf(given.task), named(given, schemaOf)),
      },
      ...timeFields(given),
      fires,
      ...otherFields(given),
    ],
    cancel: "Back",
    oncancel: back,
    onsubmit: (values) => save({ ...values, kwargs: values.kwargs ?? {}, args: [] }),
  });
  const task = made.field("task").input;
  task.addEventListener("change", () => {
    task.parentElement.querySelector("small").textContent = about(task.value);
    made.field("kwargs").set(fieldsOf(schemaOf(task.value)));
  });
  const follow = () => {
    arrange(made);
    fires.look();
  };
  made.node.addEventListener("input", follow);
  follow();
  return { node: h("div", { class: "narrow" }, made.node), focus: made.focus };
}

/** The arguments by name; those that were given by their place have one too. */
function named({ task, args, kwargs }, schemaOf) {
  const names = Object.keys(schemaOf(task).properties ?? {});
  return { ...Object.fromEntries(args.map((value, at) => [names[at], value])), ...kwargs };
}

function timeFields(given) {
  const zones = [...new Set(["UTC", here, given.timezone, ...Intl.supportedValuesOf("timeZone")])];
  return [
    {
      name: "type",
      label: "Fires",
      type: "select",
      options: [
        ["crontab", "by a crontab"],
        ["interval", "at an interval"],
      ],
      value: given.type,
    },
    {
      name: "crontab",
      label: "Crontab",
      value: given.crontab,
      spellcheck: "false",
      hint: "Minute, hour, day, month, weekday; or @hourly, @daily, @weekly, @monthly, @yearly.",
    },
    { name: "interval_every", label: "Every", type: "number", min: 1, step: 1, value: given.interval_every },
    {
      name: "interval_period",
      label: "Of",
      type: "select",
      options: PERIODS.map((period) => [period, period]),
      value: given.interval_period,
    },
    {
      name: "timezone",
      label: "Time zone",
      type: "select",
      options: zones.map((zone) => [zone, zone]),
      value: given.timezone,
    },
    { name: "start_time", label: "Not before (optional)", type: "datetime", value: given.start_time },
    { name: "expire_time", label: "Not after (optional)", type: "datetime", value: given.expire_time },
    { name: "one_off", label: "Once, and then off", type: "checkbox", value: given.one_off },
  ];
}

function otherFields(given) {
  const seconds = (name, label, hint, min) => ({
    name,
    label,
    hint,
    type: "number",
    min,
    step: 1,
    required: true,
    value: given[name],
  });
  return [
    { name: "enabled", label: "On", type: "checkbox", value: given.enabled },
    {
      name: "overlap",
      label: "When the last run has not ended",
      type: "select",
      options: OVERLAPS,
      value: given.overlap,
    },
    seconds("catchup_seconds", "A missed fire may be late by (seconds)", "After the server was away.", 10),
    seconds(
      "jitter_seconds",
      "Each fire is late by up to (seconds)",
      "A random time, so that not all begin at once.",
      0,
    ),
    seconds("max_failures", "Failures in a row that turn it off", "0: none do.", 0),
    {
      name: "webhook_url",
      label: "Webhook (optional)",
      type: "url",
      value: given.webhook_url,
      parse: orNull,
      hint: "Told of each run's end, signed.",
    },
    { name: "remark", label: "Remark", type: "textarea", rows: 2, value: given.remark },
  ];
}

/** Only what goes with the type is asked for, and sent. */
function arrange(made) {
  const crontab = made.field("type").read() === "crontab";
  for (const name of ["crontab", "timezone"]) made.field(name).row.hidden = !crontab;
  for (const name of ["interval_every", "interval_period"]) made.field(name).row.hidden = crontab;
}

/** A part of the form that shows the next fires of what it says now; the last answer wins. */
function firesOf(ctx, formOf) {
  const list = h("div", { "aria-live": "polite" });
  const row = h("section", { class: "panel", "aria-label": "Next fires" }, h("h2", {}, "Next fires"), list);
  const part = { name: "fires", row, look, read: () => undefined, fail: () => false, clear: () => {}, focus: () => {} };
  let waiting = null;
  let asked = 0;
  let last = "";
  return part;

  async function ask(fields, body) {
    const mine = (asked += 1);
    try {
      const { next_run_times: times } = await call("POST", "/task/schedulers/preview", body, { signal: ctx.signal });
      if (mine !== asked) return;
      fields.forEach((field) => field.clear());
      fill(list, timesOf(times, body.timezone));
    } catch (error) {
      if (mine === asked) refuse(error, fields);
    }
  }

  function refuse(error, fields) {
    if (!(error instanceof ApiError)) return ctx.report(error);
    const told = error.errors.filter(({ loc, msg }) => fields.find((field) => field.name === loc[1])?.fail(msg));
    fill(list, h("p", { class: "dim" }, told.length ? "None: see above what is wrong." : error.message));
  }

  function look() {
    const fields = TIMES.map(formOf().field).filter((field) => !field.row.hidden);
    const body = { ...loose(fields), count: 5 };
    if (JSON.stringify(body) === last) return;
    last = JSON.stringify(body);
    clearTimeout(waiting);
    waiting = setTimeout(() => ask(fields, body), SETTLE_MS);
  }
}

function timesOf(times, zone = here) {
  if (!times.length) return h("p", { class: "dim" }, "It never fires.");
  const told = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long", timeZone: zone });
  return h(
    "ol",
    {},
    times.map((moment) => h("li", {}, h("time", { datetime: moment }, told.format(new Date(moment))))),
  );
}
