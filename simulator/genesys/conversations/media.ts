/** One medium in the three spellings of the service: events, REST collections, analytics (docs/wire-facts.md §4.3, §5). */
export interface Media {
  event: string;
  collection: string;
  analytics: string;
  provider: string;
}

const media = (event: string, collection: string, provider = 'PureCloud'): Media => ({
  event,
  collection,
  analytics: event.toLowerCase(),
  provider,
});

const known: Media[] = [
  media('VOICE', 'calls', 'Edge'),
  media('CHAT', 'chats', 'PureCloud Webchat v2'),
  media('EMAIL', 'emails', 'PureCloud Email'),
  media('MESSAGE', 'messages', 'PureCloud Messaging'),
  media('CALLBACK', 'callbacks', 'PureCloud Callback'),
  media('COBROWSE', 'cobrowsesessions'),
  media('VIDEO', 'videos'),
  media('SCREENSHARE', 'screenshares'),
  media('INTERNALMESSAGE', 'internalMessages'),
  // Has a list of its own in REST, and no name among the media of events and analytics (docs/wire-facts.md §4.3, §5.1).
  media('UNKNOWN', 'socialExpressions', 'PureCloud Social'),
];

/** Takes any spelling (`VOICE`, `voice`, `call`, `calls`); an unknown medium is passed on as a newer service would. */
export function mediaOf(name: string): Media {
  const lower = name.toLowerCase();
  const found = known.find((entry) =>
    [entry.analytics, entry.collection.toLowerCase(), entry.collection.toLowerCase().slice(0, -1)].includes(lower),
  );
  return found ?? media(name.toUpperCase(), `${lower}s`);
}
