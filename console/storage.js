// Small preferences that outlive the page; a browser that forbids storage just forgets them. Never a token.

export function remember(key, value) {
  try {
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, value);
  } catch {
    /* forbidden or full: the preference lives as long as the page */
  }
}

export function recall(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}
