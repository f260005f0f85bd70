import { ServiceUnavailableException } from '@nestjs/common';
import { bodyOf } from './error-body.js';
import { NoSuchRouteError } from './request.errors.js';

const PACKAGE = 'com.genesyslab.gsg.services.notification';

describe('errors of the Notification API', () => {
  const at = (error: unknown, url = '/genesys/1/notification/publish') => bodyOf(error, url);

  it.each([
    [500, 'InternalServerErrorException', new Error('secret')],
    [500, 'InternalServerErrorException', 'a text that was thrown'],
    [503, 'ServiceUnavailableException', new ServiceUnavailableException()],
    [404, 'NotFoundException', new NoSuchRouteError('GET', '/genesys/x')],
  ])('%i names %s', (statusCode, name, error) => {
    expect(at(error)).toMatchObject({ statusCode, exception: `${PACKAGE}.${name}` });
    expect(JSON.stringify(at(error))).not.toContain('secret');
  });

  it('name their own exception when they have one, and none elsewhere', () => {
    const own = Object.assign(new NoSuchRouteError('GET', '/x'), { exception: 'com.example.Own' });
    expect(at(own).exception).toBe('com.example.Own');
    expect(at(own, '/customers/supportInteraction')).not.toHaveProperty('exception');
    expect(at(own, '/genesysx/1')).not.toHaveProperty('exception');
  });
});
