// What a phone stores in IndexedDB (see field/database.js), and the messages it exchanges with the
// server. Names of stores, indexes, fields and keys are fixed: what an older version has written
// stays readable.

import type { DBSchema, IDBPDatabase, IDBPTransaction, StoreNames } from "idb";

/** What an op says, before it has an id and an author. */
export interface OpInput {
  kind: string;
  subject: string;
  payload: Record<string, any>;
  /** Version of the record that the author saw; null where the kind needs none. */
  base: number | null;
}

/** An op before it has a place in the chain. */
export interface OpContent extends OpInput {
  id: string;
  /** Version of the payload's schema. */
  v: number;
  /** Id of the op that creates the record, while the server does not have it yet. */
  after: string | null;
  /** Id of the author. */
  by: string;
  /** Local time with offset, ISO 8601. */
  at: string;
  /** Milliseconds of the monotonic clock, and the id of the page load that it counts from. */
  mono: number;
  boot: string;
}

export interface Op extends SignedContent {
  /** Place in the chain, from 1. */
  n: number;
  /** Hash of the op before; null for the first. */
  prev: string | null;
  hash: string;
}

/** What a keyed author has made of an op: see field/signing.js. */
export interface SignedContent extends OpContent {
  /** ECDSA signature over the op without its place in the chain, base64url. */
  sig?: string;
}

export interface Verdict {
  id: string;
  status:
    | "applied"
    | "merged"
    | "contested"
    | "refused"
    | "quarantined"
    | "held"
    | "waiting"
    | "deferred"
    | "fork";
  code?: string;
  /** The corrected time of the op, if it is not the phone's own. */
  at?: string;
  text?: string;
  /** Place in the server's log; present if the op had an effect. */
  seq?: number;
  version?: number;
}

export interface OutboxRow {
  id: string;
  lineage: string;
  n: number;
  subject: string;
  state: "unsent" | "deferred" | "answered";
  op: Op;
  verdict?: Verdict;
  answered_at?: string;
  /** Present while the op is overlaid on the records: until a pull brings its effect. */
  laid?: 1;
  /** Present while a person has not looked at why the op was not accepted. */
  check?: 1;
  /** Id of the credential whose key has signed the op. */
  credential?: string;
  /** Of the drawn form that made the op: a form makes its ops once. */
  token?: string;
  /** What the form contained: if the op is refused, its author can change it and send it again. */
  form?: FormContent;
}

/** The fields of one name that a person has changed. */
export interface FieldContent {
  /** Of every text field of this name, in the order of the form. */
  texts: string[];
  /** What is chosen. The label stands for the option if another value has taken its place. */
  chosen: { value: string; label: string }[];
}

/** A picked photo. */
export interface PickedPhoto {
  /** Name of the file input, and its place among those of the form. */
  input: string;
  place: number;
  /** Name of the file. */
  name: string;
  /** Key of the store of photos; null: the file cannot be read. */
  sha256: string | null;
}

/** What a person has put into a form, and which form that is. */
export interface FormContent {
  /** Tells forms apart, whenever they are drawn: see `formKey` in field/form_fields.js. */
  form: string;
  /** Kind of the op; empty: the form searches. */
  kind: string;
  /** Address of its page below /field/. */
  page: string;
  /** The heading that it stands under. */
  about: string;
  fields: Record<string, FieldContent>;
  photos: PickedPhoto[];
}

/**
 * The content of a form that was not submitted. Its photos lie in the store of photos. Stored, it
 * is sealed: what it contains is empty, but for the hashes of its photos.
 */
export interface Draft extends FormContent {
  /** Token of the drawn form. */
  token: string;
  /** Id of its author, who alone sees it. */
  person: string;
  /** When it was begun, changed and discarded, ISO 8601. */
  since: string;
  changed: string;
  discarded?: string;
  sealed?: Sealed;
}

/** Bytes encrypted with AES-GCM. */
export interface Sealed {
  iv: Uint8Array<ArrayBuffer>;
  data: ArrayBuffer;
}

/** A number that the server gave to this phone alone, and the code of its slip. */
export interface BlockNumber {
  number: string;
  slip: string;
  /** An op of this phone has it; the server may not know yet. */
  used?: true;
}

/** The end of the chain that this phone appends to. */
export interface ChainTail {
  lineage: string;
  n: number;
  hash: string | null;
}

/** A record of the server. Past the horizon only type, id and version are kept. */
export interface RecordRow {
  type: string;
  id: string;
  version: number | null;
  /** The period in which the record matters; the indexes of the store. */
  opens: string;
  until: string;
  /** Id of the full pull that brought the row. */
  round?: string;
  [field: string]: any;
}

export interface Photo {
  sha256: string;
  bytes: number;
  /** An ArrayBuffer: Blobs in IndexedDB abort in private windows of WebKit. */
  data: ArrayBuffer;
  type: string;
  /** draft: it belongs to a form that was not submitted. */
  state: "unsent" | "sent" | "draft";
  captured_at: string;
  /** Of a draft's photo: `data` is encrypted, for this author. */
  sealed?: { iv: Uint8Array<ArrayBuffer>; person: string };
}

export interface Person {
  id: string;
  name: string;
  roles: string[];
  active?: boolean;
}

/** What an older version of the server sent to check a PIN against. */
export interface PinVerifier {
  iterations: number;
  salt: string;
  hash: string;
}

/** The keys of a person on this phone, which their PIN opens. */
export interface StoredKeys {
  /** Id of the credential at the server. */
  credential: string;
  /** SubjectPublicKeyInfo, base64url. */
  public_key: string;
  salt: Uint8Array<ArrayBuffer>;
  /** The private key (PKCS #8) and the key of the person's drafts, encrypted. */
  private_key: Sealed;
  draft_key: Sealed;
  /** The server does not know the credential any more: it is registered again with the PIN. */
  unknown?: true;
  /** The PIN was set by somebody else: the credential counts once it was changed. */
  must_change?: true;
}

/** The same keys while the person has unlocked the phone; they cannot be exported. */
export interface OpenKeys {
  credential: string;
  private_key: CryptoKey;
  draft_key: CryptoKey;
}

/** Wrong PINs of one person in a row, and how long the next try has to wait (ms). */
export interface PinTries {
  wrong: number;
  pause: number;
  /** When that began: by the clock, and by the monotonic clock of a page load. */
  at: number;
  mono: number;
  boot: string;
}

export interface Device {
  id: string;
  token: string;
  site: string;
  label: string;
  /** Tokens before this one, the newest first: a server restored from a backup knows one of them. */
  former?: string[];
}

/** The newest entry of the server's log. */
export interface LogHead {
  place: number;
  link: string;
}

export interface LinkStatus {
  state?: "ok" | "offline" | "busy" | "signed-out" | "full";
  /** When the last complete sync ended. */
  sent_at?: string;
}

/** Single values in the store `meta`, by key. */
export interface Meta {
  /** Milliseconds by which this phone's clock is ahead of the server's. */
  ahead: number;
  /** Places of lost ops that the server knows of. */
  confessed: number[];
  cursor: string;
  /** When the server last answered, ISO 8601. */
  contact: string;
  device: Device;
  /** Key for HMAC that cannot be exported: without this phone, a PIN opens nothing. */
  device_key: CryptoKey;
  /** Set if the digests differed: the next pull sends it and starts from the beginning. */
  digest: string;
  epoch: string;
  head: number;
  lang: string;
  /** When each person last looked at the masked texts of a record, by their ids, ms. */
  looks: Record<string, number>;
  limits: { ops?: number };
  link: LinkStatus;
  /** Places of lost ops that the server does not know of yet. */
  lost: number[];
  /** After how many seconds in the background, and without a tap, the phone locks itself. */
  lock: { background: number; idle: number };
  /** Id of the person who has unlocked the phone. */
  me: string;
  /** The block of numbers that the server gave for new records. */
  numbers: BlockNumber[];
  /** The other phones of the site, as the server told at a time. */
  phones: { at: string; phones: OtherPhone[] };
  /** The people of this phone, as the server has told last, and who has unlocked it since. */
  people: Person[];
  /** Day on which the digest was last compared. */
  proved: string;
  /** Set if the desk has removed this phone: when, and why. */
  revoked: Revocation;
  /** The full pull that is going on. */
  round: { id: string };
  scheme: string;
  size: string;
  tail: ChainTail;
  /** Day on which old rows were last deleted. */
  thinned: string;
  told: {
    site: string;
    log: LogHead & { epoch: string };
    /** The newest one of each earlier epoch, the last epoch first. */
    earlier?: (LogHead & { epoch: string })[];
  };
  /** Present while a person with keys has unlocked the phone. */
  unlocked: { person: Person; keys: OpenKeys };
  /** When a page was last open before somebody's eyes, and last tapped, in ms of the clock. */
  used: { open: number; tap: number };
  /** Ids of those who have unlocked the phone, the last first. */
  users: string[];
  /** When the phone last looked at the clock, and how much of the time since `contact` it has not
   * seen pass, in ms. */
  watched: { at: number; doubtful: number };
  /** Until when everything that reached the server is in a backup. */
  watermark: string | null;
  [keys: `keys:${string}`]: StoredKeys;
  [tries: `tries:${string}`]: PinTries;
  [verifier: `verifier:${string}`]: PinVerifier;
}

export interface Schema extends DBSchema {
  ops: {
    key: string;
    value: OutboxRow;
    indexes: {
      place: [string, number];
      state: string;
      subject: string;
      laid: number;
      check: number;
      turn: [string, string, number];
      kind: [string, string];
      over: [number, string, string, string];
      token: string;
    };
  };
  records: {
    key: [string, string];
    value: RecordRow;
    indexes: { until: [string, string]; opens: [string, string] };
  };
  photos: {
    key: string;
    value: Photo;
    indexes: { state: string; size: [string, number] };
  };
  drafts: { key: string; value: Draft; indexes: { person: string } };
  meta: { key: string; value: any };
  /** One buffer that takes up space until a full phone needs it. */
  reserve: { key: number; value: ArrayBuffer };
}

export type Database = IDBPDatabase<Schema>;
export type StoreName = StoreNames<Schema>;
export type WriteTransaction<Stores extends StoreName[] = StoreName[]> = IDBPTransaction<
  Schema,
  Stores,
  "readwrite"
>;
export type UpgradeTransaction = IDBPTransaction<Schema, StoreName[], "versionchange">;

/** Another phone of the site; `clear_at`: everything made on it until then has arrived. */
export interface OtherPhone {
  label: string;
  seen_at: string | null;
  clear_at: string | null;
}

export interface HelloResponse {
  epoch: string;
  received_at: string;
  /** Versions of the payload that the server accepts, by kind. */
  accepts?: Record<string, number[]>;
  limits: Meta["limits"];
  backup_watermark: string | null;
  log?: LogHead;
  /** Ids of the credentials that the server knows of people of this phone, by person. */
  credentials?: Record<string, string>;
  /** The next token of this phone. */
  token?: string;
  lock?: Meta["lock"];
  revoked?: Revocation | null;
  /** By site: first and last places of the ops that the server lacks of this chain; other phones. */
  sites: Record<
    string,
    {
      gaps?: [number, number][];
      phones?: OtherPhone[];
      people?: Person[];
      numbers?: BlockNumber[];
    }
  >;
}

/** Why the desk has removed this phone. */
export interface Revocation {
  at: string;
  lost: boolean;
  /** Why, in the desk's words; a server of an earlier version does not say. */
  because?: string | null;
}

export interface UnlockResponse {
  credential: string;
  person: Person;
  pin_must_change: boolean;
  /** Secret of this person on this phone, base64url: their drafts outlive a forgotten PIN. */
  draft_secret?: string;
}

export interface PushResponse {
  epoch: string;
  verdicts: Verdict[];
  log?: LogHead;
}

export interface PullPage {
  epoch: string;
  changes: Change[];
  cursor: string;
  more: boolean;
  head: number;
  digest?: string;
  reset?: string;
}

export type Change =
  | {
      type: string;
      id: string;
      version: number;
      deleted: true;
      drop?: undefined;
      record: null;
      certainty?: undefined;
    }
  | {
      type: string;
      id: string;
      version: number;
      deleted?: undefined;
      drop: true;
      record?: undefined;
      certainty?: undefined;
    }
  | {
      type: string;
      id: string;
      version: number;
      deleted: false;
      drop?: undefined;
      record: RecordRow;
      /** How sure it is who did something to it: by the person's id, or by that and the time. */
      certainty?: Record<string, string>;
    };
