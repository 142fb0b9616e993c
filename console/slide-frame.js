// A slide is a page that an agent or a user wrote. It is shown in a frame of no origin (`sandbox="allow-scripts"`), under a policy of
// its own (`api/console.py`): no script but this one, nothing fetched, styles and pictures that the page itself holds. What that policy
// would refuse is taken out first, so that a slide fills no console with refusals.
addEventListener("message", (event) => {
  if (event.source !== parent || typeof event.data !== "string") return;
  const page = new DOMParser().parseFromString(event.data, "text/html");
  page.querySelectorAll("script, link, iframe, object, embed, base, meta[http-equiv]").forEach((node) => node.remove());
  for (const node of page.querySelectorAll("*"))
    for (const { name, value } of [...node.attributes])
      if (/^on/i.test(name) || (/^(src|srcset|poster)$/i.test(name) && !/^data:/i.test(value)))
        node.removeAttribute(name);
  document.replaceChild(document.adoptNode(page.documentElement), document.documentElement);
});
