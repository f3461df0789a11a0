import type { Model } from "../../model/model.ts";
import type { ServicePort } from "../../model/service-port.ts";

/**
 * Makes a view of models that has no external IPs, for rules that do not serve them. A service port that has some still
 * counts as accessible from outside, as with kube-proxy 1.36 when its gate AllowServiceExternalIPs is off. Of a service
 * port that is the same as before (`===`), so is its view.
 */
export function createViewWithoutExternalIps(): (model: Model) => Model {
  const views = new WeakMap<ServicePort, ServicePort>();
  const viewOf = (port: ServicePort): ServicePort => {
    if (port.externalIps.length === 0) return port;
    const view = views.get(port) ?? { ...port, externalIps: [] };
    views.set(port, view);
    return view;
  };
  return (model) => {
    const { 4: ports4, 6: ports6 } = model.servicePorts;
    return { ...model, servicePorts: { 4: ports4.map(viewOf), 6: ports6.map(viewOf) } };
  };
}
