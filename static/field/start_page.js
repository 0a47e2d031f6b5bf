// The page that a person's work begins with, by their roles.

import { ROLE_PAGES } from "../shell.js";
import { currentUser } from "./people.js";

/** The start page of the person who has unlocked the phone: "tasks". */
export async function startPage() {
  const roles = (await currentUser())?.roles ?? [];
  return ROLE_PAGES.find(([role]) => roles.includes(role))?.[1][0] ?? "me";
}
