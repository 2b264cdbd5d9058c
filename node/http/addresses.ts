import { BlockList, isIP } from "node:net";

const subnets = (list: BlockList, ...networks: readonly (readonly [string, number])[]): BlockList => {
  for (const [address, bits] of networks) list.addSubnet(address, bits, isIP(address) === 6 ? "ipv6" : "ipv4");
  return list;
};

const own = subnets(new BlockList(), ["127.0.0.0", 8], ["::1", 128]);

/**
 * Where nobody's instance can be: link-local addresses, among which clouds have the service that gives a machine its credentials, with the forms in which they hide (NAT64, the one of IPv6); addresses of no machine; multicast.
 */
const nobody = subnets(
  new BlockList(),
  ["169.254.0.0", 16],
  ["fe80::", 10],
  ["fd00:ec2::254", 128],
  ["64:ff9b::a9fe:0", 112],
  ["0.0.0.0", 8],
  ["224.0.0.0", 3],
  ["::", 128],
  ["ff00::", 8],
);

const has = (list: BlockList, address: string): boolean => {
  const version = isIP(address);
  return version !== 0 && list.check(address, version === 6 ? "ipv6" : "ipv4");
};

/** Whether only this machine can reach the address or name. */
export const isLoopback = (host: string): boolean => host.toLowerCase() === "localhost" || has(own, host);

/** Whether a server on it can be reached by all addresses that the machine has. */
export const isUnspecified = (host: string): boolean => isIP(host) !== 0 && /^[0:.]+$/.test(host);

/** Whether other instances may be asked at the address: it is where another member of the group says, who may be anybody with the right to join it. */
export const isPeerAddress = (address: string, allowed: BlockList | undefined, isOwnAllowed: boolean): boolean => {
  if (isIP(address) === 0 || has(nobody, address)) return false;
  return allowed === undefined ? isOwnAllowed || !has(own, address) : has(allowed, address);
};

/** Host and port of "host:port"; undefined when it is nothing of the kind. An address of IPv6 stands in brackets there, and comes without them. */
export const hostAndPort = (endpoint: string): { readonly host: string; readonly port: number } | undefined => {
  const parts = /^(?:\[([0-9A-Fa-f:.]{2,45})\]|([A-Za-z0-9.-]{1,253})):(\d{1,5})$/.exec(endpoint);
  if (parts === null) return undefined;
  const [, address, name, digits] = parts;
  const port = Number(digits);
  if (port < 1 || port > 65_535 || (address !== undefined && isIP(address) !== 6)) return undefined;
  return { host: (address ?? name)!, port };
};

/** The other way round. */
export const endpointOf = (host: string, port: number): string => (isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`);
