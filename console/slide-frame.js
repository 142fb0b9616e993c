// A slide is a page that an agent or a user wrote. It is shown in a frame of no origin (`sandbox="allow-scripts"`), under a policy of
// its own (`api/console.py`): no script but this one, nothing fetched, styles and pictures that the page itself holds.
addEventListener("message", (event) => {
  if (event.source !== parent || typeof event.data !== "string") return;
  const page = new DOMParser().parseFromString(event.data, "text/html");
  document.replaceChild(document.adoptNode(page.documentElement), document.documentElement); // scripts made so do not run
});
