/** The flags of `turnbridge bridge` that say where routes come from. */
export const ROUTE_FLAGS = {
  routes: { value: 'PATH', default: '', help: 'route file, or folder of route files' },
  'snapshot-secret': {
    value: 'NAMESPACE/NAME',
    default: '',
    help: 'instead of --routes: the Secret that an operator writes, watched through the API server',
  },
  'snapshot-dir': {
    value: 'PATH',
    default: '',
    help: 'where that Secret is mounted: for a start without the API server; beside --snapshot-secret or alone',
  },
  'kube-api': {
    value: 'URL',
    default: '',
    help: 'API server for --snapshot-secret; in a cluster the pod is told',
  },
  'kube-credentials': {
    value: 'PATH',
    default: '',
    help: "folder with token and ca.crt for --kube-api; the pod's own in a cluster, none with a local proxy",
  },
} as const;
