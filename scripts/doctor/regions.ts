export interface Region {
  /** As AWS calls it. */
  name: string;
  /** `GENESYS_ENVIRONMENT`. */
  domain: string;
}

/** Those of the official SDK (docs/wire-facts.md §1.1). Some were added in 2025 and 2026, so another one is not wrong. */
export const REGIONS: readonly Region[] = [
  { name: 'us_east_1', domain: 'mypurecloud.com' },
  { name: 'us_east_2', domain: 'use2.us-gov-pure.cloud' },
  { name: 'us_west_2', domain: 'usw2.pure.cloud' },
  { name: 'ca_central_1', domain: 'cac1.pure.cloud' },
  { name: 'mx_central_1', domain: 'mxc1.pure.cloud' },
  { name: 'sa_east_1', domain: 'sae1.pure.cloud' },
  { name: 'eu_west_1', domain: 'mypurecloud.ie' },
  { name: 'eu_west_2', domain: 'euw2.pure.cloud' },
  { name: 'eu_central_1', domain: 'mypurecloud.de' },
  { name: 'eu_central_2', domain: 'euc2.pure.cloud' },
  { name: 'eusc_de_east_1', domain: 'edee1.eusc-pure.cloud' },
  { name: 'me_central_1', domain: 'mec1.pure.cloud' },
  { name: 'ap_south_1', domain: 'aps1.pure.cloud' },
  { name: 'ap_northeast_1', domain: 'mypurecloud.jp' },
  { name: 'ap_northeast_2', domain: 'apne2.pure.cloud' },
  { name: 'ap_northeast_3', domain: 'apne3.pure.cloud' },
  { name: 'ap_southeast_1', domain: 'apse1.pure.cloud' },
  { name: 'ap_southeast_2', domain: 'mypurecloud.com.au' },
];

/** The known region of a login or API address; undefined for a proxy's, or a new region's. */
export function regionOf(url: string): Region | undefined {
  const domain = new URL(url).hostname.replace(/^(login|api)\./, '');
  return REGIONS.find((region) => region.domain === domain);
}
