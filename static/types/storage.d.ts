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

export interface Op extends OpContent {
  /** Place in the chain, from 1. */
  n: number;
  /** Hash of the op before; null for the first. */
  prev: string | null;
  hash: string;
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

/** The content of a form that was not submitted. Its photos lie in the store of photos. */
export interface Draft extends FormContent {
  /** Token of the drawn form. */
  token: string;
  /** Id of its author, who alone sees it. */
  person: string;
  /** When it was begun, changed and discarded, ISO 8601. */
  since: string;
  changed: string;
  discarded?: string;
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
}

export interface Person {
  id: string;
  name: string;
  roles: string[];
  pin_check: PinCheck | null;
  active?: boolean;
}

export interface PinCheck {
  iterations: number;
  salt: string;
  hash: string;
}

export interface Device {
  id: string;
  token: string;
  site: string;
  label: string;
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
  device: Device;
  /** Set if the digests differed: the next pull sends it and starts from the beginning. */
  digest: string;
  epoch: string;
  head: number;
  lang: string;
  limits: { ops?: number };
  link: LinkStatus;
  /** Places of lost ops that the server does not know of yet. */
  lost: number[];
  /** Id of the person who has unlocked the phone. */
  me: string;
  /** The other phones of the site, as the server told at a time. */
  phones: { at: string; phones: OtherPhone[] };
  /** Everybody of the site, as answered at enrolment. */
  people: Person[];
  /** Day on which the digest was last compared. */
  proved: string;
  /** The full pull that is going on. */
  round: { id: string };
  scheme: string;
  size: string;
  tail: ChainTail;
  /** Day on which old rows were last deleted. */
  thinned: string;
  told: { site: string; log: LogHead & { epoch: string } };
  /** Until when everything that reached the server is in a backup. */
  watermark: string | null;
  [tries: `tries:${string}`]: { wrong: number; until: number };
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
  /** By site: first and last places of the ops that the server lacks of this chain; other phones. */
  sites: Record<string, { gaps?: [number, number][]; phones?: OtherPhone[] }>;
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
  | { type: string; id: string; version: number; deleted: true; drop?: undefined; record: null }
  | {
      type: string;
      id: string;
      version: number;
      deleted?: undefined;
      drop: true;
      record?: undefined;
    }
  | {
      type: string;
      id: string;
      version: number;
      deleted: false;
      drop?: undefined;
      record: RecordRow;
    };
