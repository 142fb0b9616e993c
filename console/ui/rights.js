// What the signed-in user may do, as the API has told.

/** Whether a user has a permission (`sys:user:add`); superusers have all, and nothing needs none. */
export const holds = (user, permission) =>
  !permission || user.is_superuser || (user.permissions ?? []).includes(permission);
