/**
 * URLs that lead, or would lead careless code, to what is not public. `{port}` is where a canary listens on every address
 * of the machine.
 */
export const FORBIDDEN_URLS: Readonly<Record<string, readonly string[]>> = {
  'loopback in every way to write it': [
    ...[
      'http://127.0.0.1:{port}/',
      'https://127.0.0.1:{port}/',
      'http://127.0.0.2:{port}/',
      'http://127.255.255.254:{port}/',
    ],
    ...[
      'http://2130706433:{port}/',
      'http://017700000001:{port}/',
      'http://0x7f000001:{port}/',
      'http://0x7F.1:{port}/',
    ],
    ...[
      'http://127.1:{port}/',
      'http://127.0.1:{port}/',
      'http://0177.0.0.1:{port}/',
      'http://0x7f.0x0.0x0.0x1:{port}/',
    ],
    ...[
      'http://127.0.0.1.:{port}/',
      'http://0177.0.0.0x1:{port}/',
      'http://00000177.1:{port}/',
      'http://0x7f000001.:{port}/',
    ],
    ...[
      'http://①②⑦.⓪.⓪.①:{port}/',
      'http://１２７.０.０.１:{port}/',
      'http://127。0。0。1:{port}/',
      'http://０x7f。1:{port}/',
    ],
    ...[
      'http://%31%32%37.0.0.1:{port}/',
      'http://127.0.0.%31:{port}/',
      'http:/127.0.0.1:{port}/',
      'http:127.0.0.1:{port}',
    ],
    ...[
      'http:\\\\127.0.0.1:{port}\\',
      'HTTP://127.0.0.1:{port}',
      ' http://127.0.0.1:{port}/ ',
      'http:////127.0.0.1:{port}/',
    ],
  ],
  'unspecified and this network': [
    'http://0.0.0.0:{port}/',
    'http://0:{port}/',
    'http://0x0:{port}/',
    'http://0.1.2.3:{port}/',
  ],
  'private, shared, link-local': [
    ...[
      'http://10.0.0.1:{port}/',
      'http://10.255.255.255:{port}/',
      'http://172.16.0.1:{port}/',
      'http://172.31.255.255:{port}/',
    ],
    ...[
      'http://192.168.0.1:{port}/',
      'http://167772161:{port}/',
      'http://100.64.0.1:{port}/',
      'http://100.127.255.254:{port}/',
    ],
    ...[
      'http://169.254.0.1:{port}/',
      'http://169.254.169.254/latest/meta-data/',
      'http://2852039166/',
      'http://0xa9fea9fe/',
    ],
    ...[
      'http://100.100.100.200/latest/meta-data/',
      'http://192.0.0.192/opc/v2/instance/',
      'http://168.63.129.16/machine',
    ],
  ],
  'reserved for documentation, tests, groups and nobody': [
    ...[
      'http://192.0.0.1:{port}/',
      'http://192.0.2.1:{port}/',
      'http://198.51.100.1:{port}/',
      'http://203.0.113.1:{port}/',
    ],
    ...[
      'http://198.18.0.1:{port}/',
      'http://198.19.255.255:{port}/',
      'http://224.0.0.1:{port}/',
      'http://239.255.255.250:{port}/',
    ],
    ...[
      'http://240.0.0.1:{port}/',
      'http://255.255.255.255:{port}/',
      'http://192.88.99.1:{port}/',
      'http://192.31.196.1/',
    ],
    ...['http://192.52.193.1/', 'http://192.175.48.1/'],
  ],
  'IPv6 loopback, unspecified, IPv4 within': [
    ...['http://[::1]:{port}/', 'https://[::1]:{port}/', 'http://[0:0:0:0:0:0:0:1]:{port}/', 'http://[::0001]:{port}/'],
    ...[
      'http://[::]:{port}/',
      'http://[::ffff:127.0.0.1]:{port}/',
      'http://[::ffff:7f00:1]:{port}/',
      'http://[::FFFF:0:0]:{port}/',
    ],
    ...['http://[0:0:0:0:0:ffff:127.0.0.1]:{port}/', 'http://[::ffff:10.0.0.1]/', 'http://[::ffff:169.254.169.254]/'],
    ...[
      'http://[::127.0.0.1]:{port}/',
      'http://[::7f00:1]:{port}/',
      'http://[::ffff:0:127.0.0.1]:{port}/',
      'http://[::ffff:8.8.8.8]/',
    ],
    ...['http://[64:ff9b::127.0.0.1]:{port}/', 'http://[64:ff9b::a9fe:a9fe]/', 'http://[64:ff9b:1::10.0.0.1]/'],
    ...[
      'http://[2002:7f00:1::]:{port}/',
      'http://[2002:a9fe:a9fe::1]/',
      'http://[2001::7f00:1]/',
      'http://[2001:0:4136:e378::]/',
    ],
  ],
  'IPv6 of no host on the internet': [
    ...[
      'http://[fe80::1]:{port}/',
      'http://[febf::1]/',
      'http://[fec0::1]/',
      'http://[fc00::1]/',
      'http://[fd00:ec2::254]/',
    ],
    ...['http://[ff02::1]/', 'http://[100::1]/', 'http://[2001:2::1]/', 'http://[2001:10::1]/', 'http://[2001:20::1]/'],
    ...[
      'http://[2001:db8::1]/',
      'http://[3fff::1]/',
      'http://[3fff:fff::1]/',
      'http://[5f00::1]/',
      'http://[2001:3::1]/',
    ],
    ...[
      'http://[2001:4:112::1]/',
      'http://[2620:4f:8000::1]/',
      'http://[3ffe::1]/',
      'http://[4000::1]/',
      'http://[e000::1]/',
    ],
  ],
  'names of the machine and its neighbours': [
    ...[
      'http://localhost:{port}/',
      'http://LOCALHOST:{port}/',
      'http://localhost.:{port}/',
      'http://localhost..:{port}/',
    ],
    ...[
      'http://a.localhost:{port}/',
      'http://a.LocalHost.:{port}/',
      'http://ⓛocalhost:{port}/',
      'http://loc\u00adalhost:{port}/',
    ],
    ...[
      'http://ip6-localhost:{port}/',
      'http://intranet/',
      'http://metadata/',
      'http://ors:7210/',
      'http://./',
      'http://../',
    ],
    ...['http:///localhost:{port}/', 'http://a..b/', 'http://.localhost/'],
  ],
  'user info, ports, schemes, and what is no URL': [
    ...[
      'http://user@example.com/',
      'http://user:word@example.com/',
      'http://:word@example.com/',
      'http://example.com@127.0.0.1:{port}/',
    ],
    ...[
      'http://127.0.0.1:{port}\\@example.com/',
      'http://example.com:0/',
      'http://example.com:22/',
      'http://example.com:25/',
    ],
    ...[
      'http://example.com:6667/',
      'http://example.com:65536/',
      'ftp://example.com/',
      'file:///etc/passwd',
      'gopher://127.0.0.1:{port}/_x',
    ],
    ...[
      'data:text/plain,x',
      'javascript:alert(1)',
      'ws://example.com/',
      'unix:/var/run/docker.sock',
      'blob:http://127.0.0.1:{port}/x',
    ],
    ...[
      'dict://127.0.0.1:{port}/',
      '//127.0.0.1:{port}/',
      '/relative',
      'example.com',
      '',
      ' ',
      'http://',
      'http://:80/',
    ],
    ...[
      'http://[fe80::1%25eth0]/',
      'http://[::1',
      'http://1.2.3.4.5/',
      'http://256.1.1.1/',
      'http://0xffffffffff/',
      'http://a b/',
    ],
    ...[
      'ht\ntp://127.0.0.1:{port}/',
      'http://exam\tple.com/',
      'http://example.com/\r\nHost: x',
      'http://example.com/\u0000',
    ],
    ...['http://127.0.0.1%00.example.com/', `http://example.com/${'x'.repeat(2_048)}`],
  ],
};

/** URLs that callers may give; to parse only, never to be called by a test. */
export const PERMITTED_URLS: readonly string[] = [
  ...['http://example.com/hook', 'https://example.com:8443/a?b=c#d', 'https://EXAMPLE.com./', 'http://bücher.example/'],
  ...['http://8.8.8.8/', 'http://134744072/', 'http://172.15.255.255/', 'http://172.32.0.1/', 'http://100.63.255.255/'],
  ...[
    'http://100.128.0.1/',
    'http://192.167.255.255/',
    'http://198.17.255.255/',
    'http://198.20.0.1/',
    'http://223.255.255.255/',
  ],
  ...[
    'http://[2606:4700::1111]/',
    'http://[2a00:1450::8844]:8080/',
    'http://[2001:4860:4860::8888]/',
    'http://[3ffd:ffff::1]/',
  ],
  ...[
    ' https://example.com/ ',
    'https://example.com/?to=http://127.0.0.1/',
    'http://127.0.0.1.example.com/',
    'http://localhost.example/',
  ],
];

/** Addresses that names of callers may turn out to have, and that are none to connect to. */
export const FORBIDDEN_ADDRESSES: readonly string[] = [
  ...['127.0.0.1', '127.0.0.53', '0.0.0.0', '10.1.2.3', '172.16.0.1', '192.168.1.1', '169.254.169.254', '100.64.0.1'],
  ...['198.18.0.1', '224.0.0.1', '255.255.255.255', '::1', '::', '::ffff:127.0.0.1', '::ffff:7f00:1', '::ffff:8.8.8.8'],
  ...['::127.0.0.1', '64:ff9b::7f00:1', '2002:7f00:1::', '2001:0:4136:e378::', 'fe80::1', 'fe80::1%lo', '2606::1%lo'],
  ...['fc00::1', 'fd00:ec2::254', 'fec0::1', 'ff02::1', '100::1', '5f00::1', '2001:db8::1', 'not an address', ''],
];

export function urlsAt(port: number): string[] {
  return Object.values(FORBIDDEN_URLS)
    .flat()
    .map((url) => url.replaceAll('{port}', String(port)));
}
