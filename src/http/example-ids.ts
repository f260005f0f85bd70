/** The ids and the customer of the OpenAPI document's examples: the same ones everywhere, so that the examples tell one story. */
export const EXAMPLE = {
  conversationId: '4fce4357-7abc-44b9-81e5-64e1e9e0ccf1',
  customerId: 'C-1001',
  agentId: 'c1d2a7e4-0b5f-4c8e-9d36-5a1f2b3c4d5e',
  interactionId: '7b0e6c1a-3f6d-4d0c-8a55-2f1f0c9f6a10',
  recordId: '5d2c9a34-8f1e-5b7a-9c40-e1a2b3c4d5f6',
  pushId: '0f6a4d1e-92b7-4c35-8e4a-6d7c8b9a0f12',
  subscriptionId: 'b64c1b5c-5c0e-4a1e-9a37-3d1f8f2f7c21',
  eventId: 'a2e8f3c6-1d4b-4f7a-b9c0-8e7d6c5b4a39',
  jobId: 'e3b1c7d9-6a2f-4e8b-8d5c-9f0a1b2c3d4e',
  gapId: 'd9f7b5a3-2c4e-4a6b-9c8d-7e6f5a4b3c2d',
} as const;
