// The API's paths of sandboxes, and what is said of their states.
import { badge } from "../ui/format.js";

export const SANDBOXES = "/agent/sandboxes";
export const pathOf = (id, rest = "") => `${SANDBOXES}/${encodeURIComponent(id)}${rest}`;
export const HOME = "/home/user";

const TONES = { creating: "busy", running: "good", failed: "bad", lost: "bad" };
const LIVING = ["creating", "running", "paused"];

export const lives = ({ status }) => LIVING.includes(status);
export const stateBadge = ({ status }) => badge(status, TONES[status]);
