/** The desk's own scripts. Every page works without them. */

import "../field/trusted_types.js";
import { answerByKeys } from "./cards.js";
import { keepDrafts } from "./drafts.js";
import { offerPasskeys } from "./passkeys.js";
import { obeyKeys } from "./keys.js";
import { prepareLists } from "./lists.js";
import { usePalette } from "./palette.js";
import { keepPlace } from "./place.js";
import { watchSession } from "./session.js";
import { submitOnce } from "./submitting.js";
import { turnPages } from "./turning.js";

turnPages();
obeyKeys();
usePalette();
submitOnce();
keepDrafts();
keepPlace();
prepareLists();
watchSession();
offerPasskeys();
answerByKeys();
